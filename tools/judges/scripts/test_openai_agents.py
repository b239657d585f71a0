"""OpenAI's Agents SDK for Python: tools, streams, output types and handoffs, by chat completions and by Responses."""

import os

import pytest
from agents import (
    Agent,
    ModelSettings,
    OpenAIChatCompletionsModel,
    OpenAIResponsesModel,
    Runner,
    function_tool,
    set_tracing_disabled,
)
from openai import AsyncOpenAI
from pydantic import BaseModel

set_tracing_disabled(True)
MODEL = os.environ["ALTIPLANO_MODEL"]
SETTINGS = ModelSettings(temperature=0, max_tokens=200)


class Weather(BaseModel):
    city: str
    warm: bool


@pytest.fixture(params=[OpenAIChatCompletionsModel, OpenAIResponsesModel], ids=["chat", "responses"])
def model(request):
    client = AsyncOpenAI(base_url=f"{os.environ['ALTIPLANO_URL']}/v1", api_key="none", max_retries=0)
    return request.param(model=MODEL, openai_client=client)


@function_tool
def get_weather(city: str) -> str:
    """Get the current weather of a city"""
    return f"21 degrees and sunny in {city}"


async def test_answers(model):
    result = await Runner.run(Agent("a", model=model, model_settings=SETTINGS), "What is 17 + 25?")
    assert "42" in result.final_output
    assert result.context_wrapper.usage.output_tokens > 0


async def test_runs_a_tool_and_answers(model):
    agent = Agent("a", model=model, model_settings=SETTINGS, tools=[get_weather])
    result = await Runner.run(agent, "What is the weather in Paris?")
    assert [item.type for item in result.new_items][:2] == ["tool_call_item", "tool_call_output_item"]
    assert result.final_output


async def test_streams_a_run_with_a_tool(model):
    agent = Agent("a", model=model, model_settings=SETTINGS, tools=[get_weather])
    result = Runner.run_streamed(agent, "What is the weather in Paris?")
    kinds = [event.type async for event in result.stream_events()]
    assert "raw_response_event" in kinds
    assert result.final_output


async def test_gives_an_object_of_the_output_type(model):
    agent = Agent("a", model=model, model_settings=SETTINGS, output_type=Weather)
    result = await Runner.run(agent, "The weather in Paris is warm. Answer in JSON.")
    assert isinstance(result.final_output, Weather)


async def test_hands_off(model):
    other = Agent("poet", model=model, model_settings=SETTINGS, instructions="Greet.")
    forced = ModelSettings(temperature=0, max_tokens=200, tool_choice="required")
    first = Agent("desk", model=model, model_settings=forced, handoffs=[other])
    result = await Runner.run(first, "Hello!", max_turns=4)
    assert result.last_agent.name == "poet"
