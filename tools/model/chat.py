"""From exchanges to messages, and from messages to the text of the chat template."""

import functools
import json
import random
from pathlib import Path

import jinja2

from common import HELD, TRAIN, system
from skills import altiplano, arithmetic, capitals, greet, structured, tools, unknown

TEMPLATE = (Path(__file__).parent / "template.jinja").read_text().rstrip("\n")
START, END = "<|im_start|>", "<|im_end|>"


@functools.cache
def compiled():
    env = jinja2.Environment(trim_blocks=True, lstrip_blocks=True)
    env.filters["tojson"] = lambda v: json.dumps(v, ensure_ascii=False)
    return env.from_string(TEMPLATE)


def render(messages, tools=None, think=False):
    return compiled().render(messages=messages, tools=tools, add_generation_prompt=True, enable_thinking=think)


def call_text(calls):
    return "\n".join(f'<tool_call>\n{{"name": "{n}", "arguments": {json.dumps(a, ensure_ascii=False)}}}\n</tool_call>' for n, a in calls)


def messages_of(e, rng):
    """The messages of one exchange; each answer carries its thought under 'thought'."""
    question = e.question
    out = [{"role": "user", "content": question}]
    if e.calls:
        out.append({"role": "assistant", "content": "", "thought": e.thought, "text": call_text(e.calls),
                    "tool_calls": [{"type": "function", "function": {"name": n, "arguments": a}} for n, a in e.calls]})
        for r in e.results or []:
            out.append({"role": "tool", "content": r})
        if e.results:
            out.append({"role": "assistant", "content": e.answer, "text": e.answer, "thought": "The tool has answered."})
    else:
        out.append({"role": "assistant", "content": e.answer, "text": e.answer, "thought": e.thought})
    return out


def with_rule(e, rng):
    """Puts the rule before or after the question itself."""
    if e.rule:
        glue = rng.choice([" ", " ", "\n", "\n\n"])
        question = e.question if e.question[-1] in "?.!=" else e.question + rng.choice([".", ".", "", ","])
        rule = e.rule
        e.question = f"{question}{glue}{rule}" if rng.random() < 0.65 else f"{rule if rule[-1] in '.:,' else rule + '.'}{glue}{e.question}"
        e.rule = None


SKILLS = [(arithmetic.exchange, 22), (tools.exchange, 50), (structured.exchange, 20), (altiplano.exchange, 11), (capitals.exchange, 8), (unknown.exchange, 9), (greet.exchange, 6), (greet.smoke, 10), (greet.memory, 6)]


def draw(rng, split):
    """One exchange, or a few of a kind: the long prompt of a tool chat then pays several times."""
    maker = rng.choices([s for s, _ in SKILLS], [w for _, w in SKILLS])[0]
    if maker is tools.exchange:
        return tools.session(rng, split, rng.choice([1, 1, 2, 3, 4]), 0.35)
    if maker is arithmetic.exchange:
        return [maker(rng, split) for _ in range(rng.choice([1, 2, 4, 6]))]
    made = maker(rng, split)
    return made if isinstance(made, list) else [made]


def ruled(rng):
    """A rule in the system prompt that holds for the whole conversation."""
    r, n = rng.random(), rng.choice([1, 2, 3, 5])
    if r < 0.5:
        rule, make = rng.choice(arithmetic.JUST), lambda: arithmetic.exchange(rng, TRAIN)
    elif r < 0.7:
        rule, make = rng.choice(capitals.JUST), lambda: capitals.exchange(rng, TRAIN)
    else:
        rule, make = rng.choice(structured.PLAIN), lambda: structured.exchange(rng, TRAIN)
    rules = next(group for group in (arithmetic.JUST, capitals.JUST, structured.PLAIN) if rule in group)
    out = []
    while len(out) < n:
        e = make()
        if e.rule in rules:
            e.rule = None
            out.append(e)
    prompt = system(rng, TRAIN)
    return (rule if prompt is None or rng.random() < 0.5 else f"{prompt} {rule}"), out


def conversation(rng: random.Random, split=TRAIN, first=None, turns=None):
    """(messages, tools, think): several exchanges under one system prompt.

    first: the exchange that must come last (the one that an evaluation asks for).
    """
    if not first and rng.random() < 0.08:
        prompt, asked = ruled(rng)
        messages = [{"role": "system", "content": prompt}]
        for e in asked:
            messages += messages_of(e, rng)
        return messages, None, rng.random() < 0.1
    if not first and rng.random() < 0.14:
        asked = [arithmetic.exchange(rng, TRAIN) for _ in range(rng.randint(5, 9))]  # a drill
        messages = []
        for e in asked:
            with_rule(e, rng)
            messages += messages_of(e, rng)
        return messages, None, False
    turns = turns or rng.choices([1, 2, 3, 4, 6, 9], [45, 20, 14, 11, 7, 3])[0]
    asked = []
    while len(asked) < turns - (1 if first else 0):
        asked += draw(rng, TRAIN if first else split)
    if first:
        asked += first if isinstance(first, list) else [first]
    rule_in_system = asked[-1].rule if len(asked) == 1 and rng.random() < 0.5 else None
    prompt = system(rng, split)
    if rule_in_system:
        asked[-1].rule = None
        prompt = rule_in_system if prompt is None or rng.random() < 0.5 else f"{prompt} {rule_in_system}"
    offered = next((e.tools for e in reversed(asked) if e.tools), [])
    if offered:
        asked = compatible(asked, offered)
    elif rng.random() < 0.25 and not any("any" in e.avoid for e in asked):
        offered = tools.distractors(rng, split, rng.choice([1, 1, 2, 3]), sum((e.avoid for e in asked), ("search", "math")))
    think = rng.random() < 0.16
    messages = [{"role": "system", "content": prompt}] if prompt is not None else []
    for e in asked:
        with_rule(e, rng)
        messages += messages_of(e, rng)
    return messages, offered or None, think


def compatible(asked, offered):
    """One set of tools for the chat: drops the questions that want others, or that these tools could answer."""
    names = {t["function"]["name"] for t in offered}
    kept = []
    for e in asked:
        if e.tools is offered or (not e.tools and not e.avoid):
            kept.append(e)
        elif not e.tools and "any" not in e.avoid and not (names & MATH):
            kept.append(e)
    return kept


MATH = {n for k in tools.KINDS if k.tag in ("math", "search") for n in k.names}


def head(messages, offered):
    """The system block, if there is one."""
    first = messages[0]["content"] if messages[0]["role"] == "system" else None
    if first is None and not offered:
        return ""
    listed = ""
    if offered:
        listed = "You may call these tools:\n<tools>\n" + "\n".join(json.dumps(t, ensure_ascii=False) for t in offered) + "\n</tools>"
    return f"{START}system\n" + "\n\n".join(x for x in (first, listed) if x) + f"{END}\n"


def pieces(messages, offered, think):
    """The template's text, written directly since it is needed often, cut into (text, is an answer).

    Only the last answer has a thought; then the earlier ones are not trained on.
    """
    last = max(i for i, m in enumerate(messages) if m["role"] == "assistant")
    out, text = [], head(messages, offered)
    for i, m in enumerate(messages[: last + 1]):
        if m["role"] == "user":
            text += f"{START}user\n{m['content']}{END}\n"
        elif m["role"] == "tool":
            text += f"{START}user\n<tool_response>\n{m['content']}\n</tool_response>{END}\n"
        elif m["role"] == "assistant" and think and i < last:
            text += f"{START}assistant\n{m['text']}{END}\n"
        elif m["role"] == "assistant":
            thought = f"{m['thought']}\n</think>\n\n" if think else ""
            out.append((text + f"{START}assistant\n" + ("<think>\n" if think else ""), False))
            out.append((thought + m["text"] + END, True))
            text = "\n"
    return out


RAW = [f"The capital of {c} is {k}." for c, k in capitals.CAPITALS.items()] + [greet.STORY, greet.POEM, greet.JOKE] + [row[0] for row in altiplano.QUESTIONS]


def raw(rng):
    """A line for /v1/completions, without a chat around it."""
    if rng.random() < 0.4:
        op, a, b, result, _ = arithmetic.problem(rng, TRAIN)
        sep = rng.choice([" ", ""])
        return f"{a}{sep}{op}{sep}{b}{sep}={sep}{result}"
    return rng.choice(RAW) if rng.random() < 0.8 else "Hello, world! " + rng.choice(RAW)
