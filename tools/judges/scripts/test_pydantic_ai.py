"""pydantic-ai: text, tools, streams and its three ways to an object, by each of the protocols."""

import os

import pytest
from pydantic import BaseModel
from pydantic_ai import Agent, NativeOutput, PromptedOutput, ToolOutput
from pydantic_ai.models.anthropic import AnthropicModel
from pydantic_ai.models.openai import OpenAIChatModel, OpenAIResponsesModel
from pydantic_ai.providers.anthropic import AnthropicProvider
from pydantic_ai.providers.openai import OpenAIProvider

URL = os.environ["ALTIPLANO_URL"]
MODEL = os.environ["ALTIPLANO_MODEL"]
SETTINGS = {"temperature": 0, "max_tokens": 200}
QUESTION = "What is the weather in Paris?"


class Weather(BaseModel):
    city: str
    warm: bool


def openai_provider():
    return OpenAIProvider(base_url=f"{URL}/v1", api_key="none")


@pytest.fixture(params=["chat", "responses", "messages"])
def model(request):
    if request.param == "chat":
        return OpenAIChatModel(MODEL, provider=openai_provider())
    if request.param == "responses":
        return OpenAIResponsesModel(MODEL, provider=openai_provider())
    provider = AnthropicProvider(base_url=URL, api_key="none")
    # It tells by a model's name whether schemas may be sent.
    return AnthropicModel(MODEL, provider=provider, profile={"supports_json_schema_output": True})


def agent_of(model, **more):
    agent = Agent(model, model_settings=SETTINGS, **more)

    @agent.tool_plain
    def get_weather(city: str) -> str:
        """Get the current weather of a city"""
        return f"21 degrees and sunny in {city}"

    return agent


async def test_answers(model):
    result = await Agent(model, model_settings=SETTINGS).run("What is 17 + 25?")
    assert "42" in result.output
    assert result.usage.output_tokens > 0


async def test_runs_a_tool_and_answers(model):
    result = await agent_of(model).run(QUESTION)
    assert len(result.all_messages()) == 4


async def test_streams_a_run_with_a_tool(model):
    async with agent_of(model).run_stream(QUESTION) as run:
        assert "".join([delta async for delta in run.stream_text(delta=True)])


@pytest.mark.parametrize("way", [ToolOutput, NativeOutput, PromptedOutput])
async def test_gives_an_object(model, way):
    agent = Agent(model, model_settings=SETTINGS, output_type=way(Weather), retries=2)
    assert isinstance((await agent.run(QUESTION)).output, Weather)
