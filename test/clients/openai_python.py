"""The official Python client against a running server: BASE_URL and MODEL come from the environment."""
import os

import openai

client = openai.OpenAI(base_url=os.environ["BASE_URL"], api_key="none", max_retries=0)
model = os.environ["MODEL"]
hello = [{"role": "user", "content": "Hello"}]

assert model in [item.id for item in client.models.list()]
assert client.models.retrieve(model).id == model

answer = client.chat.completions.create(model=model, messages=hello, temperature=0)
text = answer.choices[0].message.content
assert answer.choices[0].finish_reason == "stop" and text
assert answer.usage.total_tokens == answer.usage.prompt_tokens + answer.usage.completion_tokens

streamed, roles, usage = "", [], None
for chunk in client.chat.completions.create(
    model=model, messages=hello, temperature=0, stream=True, stream_options={"include_usage": True}
):
    for choice in chunk.choices:
        streamed += choice.delta.content or ""
        roles += [choice.delta.role] if choice.delta.role else []
    usage = chunk.usage or usage
assert streamed == text, (streamed, text)
assert roles == ["assistant"], roles
assert usage.completion_tokens == answer.usage.completion_tokens

with client.chat.completions.stream(model=model, messages=hello) as stream:
    for _event in stream:
        pass
    assert stream.get_final_completion().choices[0].finish_reason == "stop"

stream = client.chat.completions.create(
    model=model, messages=hello, stream=True, max_tokens=1000, extra_body={"ignore_eos": True}
)
next(iter(stream))
stream.close()

for arguments, kind in [
    ({"model": "nope", "messages": hello}, openai.NotFoundError),
    ({"model": model, "messages": []}, openai.BadRequestError),
    ({"model": model, "messages": hello, "temperature": 3}, openai.BadRequestError),
]:
    try:
        client.chat.completions.create(**arguments)
    except kind as error:
        assert error.code and error.request_id and error.body["type"] == "invalid_request_error"
    else:
        raise AssertionError(f"{kind} was not raised")

tool = {
    "type": "function",
    "function": {
        "name": "get_weather",
        "description": "Get the current weather of a city",
        "parameters": {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]},
    },
}
weather = {
    "model": model,
    "messages": [{"role": "user", "content": "What is the weather in Paris?"}],
    "tools": [tool],
    "temperature": 0,
    "reasoning_effort": "low",
}
whole = client.chat.completions.create(**weather).choices[0]
assert whole.finish_reason == "tool_calls" and whole.message.content is None
# This client joins what deltas repeat: a second id or name would show.
with client.chat.completions.stream(**weather) as stream:
    final = stream.get_final_completion().choices[0] if list(stream) else None
call, same = final.message.tool_calls[0], whole.message.tool_calls[0]
assert final.finish_reason == "tool_calls" and final.message.role == "assistant"
assert (call.function.name, call.function.arguments) == ("get_weather", same.function.arguments), call
assert call.type == "function" and len(call.id) == len(same.id) == 29, call.id
assert final.message.reasoning_content == whole.message.reasoning_content != ""
answer = client.chat.completions.create(
    **{**weather, "reasoning_effort": "none"}
    | {
        "messages": [
            *weather["messages"],
            final.message,
            {"role": "tool", "tool_call_id": call.id, "content": '{"temperature": 21}'},
        ]
    }
)
assert answer.choices[0].message.content

completion = client.completions.create(model=model, prompt=["a", "b"], max_tokens=3)
assert [choice.index for choice in completion.choices] == [0, 1]
print("all checks passed")
