"""LangChain's standard tests of a chat model, for each of the protocols that it speaks."""

import os

from langchain_anthropic import ChatAnthropic
from langchain_openai import ChatOpenAI
from langchain_tests.integration_tests import ChatModelIntegrationTests

URL = os.environ["ALTIPLANO_URL"]
MODEL = os.environ["ALTIPLANO_MODEL"]
SETTINGS = {"model": MODEL, "api_key": "none", "temperature": 0, "max_tokens": 256, "max_retries": 0}


class TestChatCompletions(ChatModelIntegrationTests):
    @property
    def chat_model_class(self):
        return ChatOpenAI

    @property
    def chat_model_params(self):
        return {**SETTINGS, "base_url": f"{URL}/v1", "stream_usage": True}


class TestResponses(TestChatCompletions):
    @property
    def chat_model_params(self):
        return {**SETTINGS, "base_url": f"{URL}/v1", "use_responses_api": True}


class TestMessages(ChatModelIntegrationTests):
    @property
    def chat_model_class(self):
        return ChatAnthropic

    @property
    def chat_model_params(self):
        return {**SETTINGS, "base_url": URL}
