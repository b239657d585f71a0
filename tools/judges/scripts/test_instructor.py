"""instructor: its modes, partial objects and lists, by chat completions, Responses and Messages."""

import os
from typing import Literal

import instructor
import pytest
from openai import OpenAI
from pydantic import BaseModel

MODEL = os.environ["ALTIPLANO_MODEL"]
ASKED = {
    "model": MODEL,
    "temperature": 0,
    "max_tokens": 200,
    "messages": [{"role": "user", "content": "What is the weather in Paris? Answer in JSON."}],
    "max_retries": 1,
}


class Weather(BaseModel):
    city: Literal["Paris", "Berlin"]
    warm: bool


def client_of(mode):
    client = OpenAI(base_url=f"{os.environ['ALTIPLANO_URL']}/v1", api_key="none", max_retries=0)
    return instructor.from_openai(client, mode=mode)


MODES = ["TOOLS", "TOOLS_STRICT", "JSON", "JSON_SCHEMA", "MD_JSON", "PARALLEL_TOOLS", "RESPONSES_TOOLS"]


@pytest.mark.parametrize("mode", MODES)
def test_mode_gives_an_object(mode):
    parallel = mode == "PARALLEL_TOOLS"
    if parallel:
        from typing import Iterable

        found = list(client_of(instructor.Mode[mode]).create(response_model=Iterable[Weather], **ASKED))
        assert all(isinstance(one, Weather) for one in found)
        return
    found = client_of(instructor.Mode[mode]).create(response_model=Weather, **ASKED)
    assert isinstance(found, Weather)


@pytest.mark.parametrize("mode", ["TOOLS", "JSON_SCHEMA"])
def test_mode_gives_parts_of_an_object_as_they_come(mode):
    client = client_of(instructor.Mode[mode])
    parts = list(client.create_partial(response_model=Weather, **{**ASKED, "max_retries": 0}))
    assert parts[-1].city in ("Paris", "Berlin")


def test_list_of_objects_is_streamed():
    client = client_of(instructor.Mode.TOOLS)
    found = list(client.create_iterable(response_model=Weather, **{**ASKED, "max_retries": 0}))
    assert all(isinstance(one, Weather) for one in found)
