"""LiteLLM, as its users point it at an OpenAI-compatible server: BASE_URL and MODEL come from the environment."""
import json
import os

# Its table of prices would be fetched from the network.
os.environ["LITELLM_LOCAL_MODEL_COST_MAP"] = "True"

import litellm

# Nothing is taken away from what is asked: a field that is not taken would show.
litellm.drop_params = False
options = {
    "model": f"openai/{os.environ['MODEL']}",
    "api_base": os.environ["BASE_URL"],
    "api_key": "none",
    "temperature": 0,
    "max_tokens": 200,
    "num_retries": 0,
}
question = [{"role": "user", "content": "What is the weather in Paris?"}]

answer = litellm.completion(messages=question, **options)
text = answer.choices[0].message.content
assert answer.choices[0].finish_reason == "stop" and text
assert answer.usage.total_tokens == answer.usage.prompt_tokens + answer.usage.completion_tokens

streamed, usage = "", None
for chunk in litellm.completion(
    messages=question, stream=True, stream_options={"include_usage": True}, **options
):
    for choice in chunk.choices:
        streamed += choice.delta.content or ""
    usage = getattr(chunk, "usage", None) or usage
assert streamed == text, (streamed, text)
assert usage.completion_tokens == answer.usage.completion_tokens, usage

thought = litellm.completion(
    messages=[{"role": "user", "content": "What is 2+2?"}], extra_body={"reasoning_effort": "low"}, **options
)
assert thought.choices[0].message.reasoning_content and "4" in thought.choices[0].message.content

tool = {
    "type": "function",
    "function": {
        "name": "get_weather",
        "description": "Get the current weather of a city",
        "parameters": {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]},
    },
}
call = litellm.completion(messages=question, tools=[tool], **options).choices[0]
assert call.finish_reason == "tool_calls", call
[asked] = call.message.tool_calls
assert (asked.function.name, json.loads(asked.function.arguments)) == ("get_weather", {"city": "Paris"})
parts = list(litellm.completion(messages=question, tools=[tool], stream=True, **options))
rebuilt = litellm.stream_chunk_builder(parts, messages=question).choices[0].message.tool_calls[0].function
assert (rebuilt.name, rebuilt.arguments) == (asked.function.name, asked.function.arguments), rebuilt
result = {"role": "tool", "tool_call_id": asked.id, "content": '{"temperature": 21, "condition": "sunny"}'}
told = litellm.completion(messages=[*question, call.message, result], tools=[tool], **options)
assert "21" in told.choices[0].message.content, told

schema = {
    "type": "object",
    "properties": {"city": {"enum": ["Paris", "Berlin"]}, "warm": {"type": "boolean"}},
    "required": ["city", "warm"],
    "additionalProperties": False,
}
described = {"type": "json_schema", "json_schema": {"name": "weather", "schema": schema, "strict": True}}
document = litellm.completion(messages=question, response_format=described, **options)
assert set(json.loads(document.choices[0].message.content)) == {"city", "warm"}

try:
    litellm.completion(messages=question, **{**options, "model": "openai/nope"})
except litellm.NotFoundError as error:
    assert "nope" in str(error)
else:
    raise AssertionError("an unknown model was answered")
try:
    litellm.completion(messages=[{"role": "user", "content": "word " * 20_000}], **options)
except litellm.ContextWindowExceededError:
    pass
else:
    raise AssertionError("a prompt that does not fit was answered")
print("all checks passed")
