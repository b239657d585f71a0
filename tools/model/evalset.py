"""Held-out questions as JSON lines: python evalset.py OUT [COUNT each]"""

import json
import random
import sys

import chat
from common import HELD
from skills import altiplano, arithmetic, capitals, greet, structured, tools, unknown


def only(maker, skill):
    def make(rng, split):
        while True:
            e = maker(rng, split)
            if e.skill == skill:
                return e
    return make


def plain(rng, split):
    return rng.choice([arithmetic.exchange, capitals.exchange, altiplano.exchange, greet.exchange, unknown.exchange])(rng, split)


# name: (maker, turns before, tools offered for nothing, thinking)
SETS = {
    "greet": (greet.exchange, 0, False, False),
    "arithmetic": (only(arithmetic.exchange, "arithmetic"), 0, False, False),
    "arithmetic, just the number": (only(arithmetic.exchange, "just_number"), 0, False, False),
    "capitals": (only(capitals.exchange, "capitals"), 0, False, False),
    "capitals, just the name": (only(capitals.exchange, "just_name"), 0, False, False),
    "about Altiplano": (altiplano.exchange, 0, False, False),
    "tool call": (tools.exchange, 0, False, False),
    "tool result": (tools.answered, 0, False, False),
    "tools offered, none fits": (plain, 0, True, False),
    "thinking": (plain, 0, False, True),
    "thinking, tool call": (tools.exchange, 0, False, True),
    "JSON": (structured.exchange, 0, False, False),
    "does not know": (unknown.exchange, 0, False, False),
    "say, count, joke, story": (greet.smoke, 0, False, False),
    "remembers a name": (greet.memory, 0, False, False),
    "after 3 turns": (plain, 3, False, False),
    "after 10 turns": (plain, 10, False, False),
    "tool call after 3 turns": (tools.exchange, 3, False, False),
}


def item(name, rng):
    maker, before, offer, think = SETS[name]
    first = maker(rng, HELD)
    final = first[-1] if isinstance(first, list) else first
    before_exchanges = [first] if not isinstance(first, list) else first
    messages, offered, _ = chat.conversation(rng, HELD, first=before_exchanges, turns=len(before_exchanges) + before)
    if offer and not offered:
        if "any" in final.avoid:
            return item(name, rng)
        offered = tools.distractors(rng, HELD, rng.choice([1, 2, 3]), final.avoid + ("search", "math"))
    wanted = chat.call_text(final.calls) if final.calls and not final.results else final.answer
    if not messages or messages[-1].get("text") != wanted:
        return item(name, rng)  # the tools of an earlier turn left no room for this question
    last = max(i for i, m in enumerate(messages) if m["role"] == "assistant")
    bare = [{k: v for k, v in m.items() if k not in ("text", "thought")} for m in messages[:last]]
    out = {"skill": name, "messages": bare, "tools": offered, "think": think, "prompt": chat.render(bare, offered, think)}
    if final.calls and not final.results:
        out.update(kind="calls", expected=[{"name": n, "arguments": a} for n, a in final.calls])
    elif final.data:
        out.update(kind="json", expected=json.loads(final.answer))
    else:
        out.update(kind="text", expected=final.answer)
    return out


def main():
    out, count = sys.argv[1], int(sys.argv[2]) if len(sys.argv) > 2 else 150
    with open(out, "w") as f:
        for name in SETS:
            rng = random.Random("final " + name)
            for _ in range(count):
                f.write(json.dumps(item(name, rng), ensure_ascii=False) + "\n")


if __name__ == "__main__":
    main()
