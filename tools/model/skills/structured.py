"""Answers in JSON: sums, capitals, facts taken out of a sentence, or any answer under one key."""

import json

from common import Exchange, HELD, casual, choose, city, code, date, first_upper, invented, lead, person, phrase, word
from skills import arithmetic, altiplano, capitals, greet, unknown

KEYED = ["Answer in JSON with keys {k}.", "Answer in JSON with the keys {k}.", "Reply in JSON with keys {k}.", "Reply as JSON with the keys {k}.", "Respond in JSON with keys {k}.", "Use JSON with the keys {k}.",
         "Return JSON with the keys {k}.", "Output JSON with keys {k}.", "Give JSON with the keys {k}.", "Return a JSON object with keys {k}.", "JSON with keys {k}, please.", "Format: JSON with keys {k}.",
         "Answer with a JSON object with the keys {k}.", "answer in json, keys: {k}", "As JSON with keys {k}.", "Return a JSON object with the fields {k}.", "Reply in JSON with the fields {k}."]
KEYED_HELD = ["Please answer in JSON with keys {k}.", "Respond with a JSON object with keys {k}.", "Give me JSON with keys {k}."]
PLAIN = ["Answer in JSON.", "Reply in JSON.", "Respond in JSON.", "Return JSON.", "Output JSON only.", "Use JSON.", "Answer as JSON.", "Reply as JSON.", "JSON please.", "Answer with JSON only.", "Respond with a JSON object.",
         "Answer with a JSON object.", "in JSON", "Give me JSON.", "You answer in JSON.", "Respond only with JSON.", "Format the answer as JSON.", "Return a JSON object.", "as json", "You always answer in JSON."]
PLAIN_HELD = ["Please reply in JSON.", "Respond in JSON format.", "Give the answer as JSON."]
ROLES = {
    "country": ["country", "nation", "land", "state", "name", "country_name"],
    "capital": ["capital", "city", "capital_city", "answer", "capitalCity", "town"],
    "result": ["result", "answer", "value", "sum", "number", "solution", "total", "output"],
    "a": ["a", "x", "first", "left", "first_number"], "b": ["b", "y", "second", "right", "second_number"],
    "operator": ["operator", "operation", "op"],
    "person": ["name", "person", "who", "first_name", "user"], "age": ["age", "years", "age_years"], "place": ["city", "place", "town", "location", "home"],
    "job": ["job", "profession", "work", "occupation"], "item": ["item", "product", "article", "thing"], "count": ["count", "quantity", "number", "amount"], "price": ["price", "cost"],
}
JOBS = "teacher doctor baker pilot nurse farmer painter lawyer singer driver cook writer builder".split()
SENTENCES = [
    (("person", "age"), ["{person} is {age} years old.", "{person} is {age}.", "{person}, {age}, likes music.", "My friend {person} is {age} years old.", "At {age}, {person} is still young."]),
    (("person", "place"), ["{person} lives in {place}.", "{person} is from {place}.", "{person} moved to {place}.", "In {place} lives {person}."]),
    (("person", "age", "place"), ["{person} is {age} years old and lives in {place}.", "{person} ({age}) lives in {place}.", "{person}, {age}, is from {place}.", "{person} from {place} is {age} years old.", "I met {person}, who is {age} and lives in {place}."]),
    (("person", "job"), ["{person} is a {job}.", "{person} works as a {job}.", "The {job} is called {person}."]),
    (("person", "job", "place"), ["{person} is a {job} in {place}.", "{person} works as a {job} in {place}.", "In {place}, {person} works as a {job}."]),
    (("item", "count"), ["I bought {count} {item}s.", "We need {count} {item}s.", "There are {count} {item}s on the table."]),
    (("item", "price"), ["The {item} costs {price} euros.", "A {item} costs {price} dollars.", "I paid {price} euros for the {item}."]),
]
EXTRACT = ["Extract {k} as JSON: {s}", "Extract {k} from this text as JSON: {s}", "Extract the {k}: {s}", "Extract the {k} from: {s}", "Extract the {k} from: \"{s}\"", "Get {k} as JSON from: {s}", "{s} Extract {k} as JSON.",
           "{s}\nExtract the {k}.", "Extract {k}.\n\n{s}", "Extract JSON with keys {k}: {s}", "Turn this into JSON with keys {k}: {s}", "Find the {k} in this text: {s}", "Text: {s} Give the {k} as JSON.", "Could you extract {k}: {s}", "I need the {k} of this text: {s}", "Read this and give me the {k} as JSON: {s}", "Give me JSON with the {k} out of: {s}", "Write the {k} as JSON: {s}", "What are the {k} here? {s} Answer in JSON.", "Pull the {k} out of this sentence: {s}", "Parse {k} from this sentence: {s}", "List the {k} in JSON for this sentence: {s}", "From this sentence, extract {k}: {s}"]
EXTRACT_HELD = ["Please extract the {k} as JSON: {s}", "Extract JSON with the {k} from this sentence: {s}"]


def names(rng, keys):
    style = rng.random()
    if style < 0.2:
        keys = [f'"{k}"' for k in keys]
    elif style < 0.25:
        keys = [f"`{k}`" for k in keys]
    if len(keys) == 1:
        return keys[0]
    glue = rng.choice([" and ", " and ", ", ", ", and "])
    return ", ".join(keys[:-1]) + glue + keys[-1]


def pick_keys(rng, roles):
    while True:
        keys = [rng.choice(ROLES[r][:1] * 3 + ROLES[r]) for r in roles]
        if len(set(keys)) == len(keys):
            return keys


def dump(value):
    return json.dumps(value, ensure_ascii=False)


def asked(rng, split, question, keys, value, thought, avoid):
    rule = choose(rng, split, KEYED, KEYED_HELD).format(k=names(rng, keys)) if keys else choose(rng, split, PLAIN, PLAIN_HELD)
    return Exchange(question, dump(value), thought, "json", rule=rule, avoid=avoid, data=True)


def capital(rng, split):
    c = rng.choice(capitals.COUNTRIES)
    k = capitals.CAPITALS[c]
    q = casual(rng, lead(rng, split, choose(rng, split, capitals.ASK, capitals.ASK_HELD if rng.random() < 0.3 else []).format(c=c)))
    thought = f"The capital of {c} is {k}."
    if rng.random() < 0.35:
        return asked(rng, split, q, None, {"answer": k}, thought, ("search",))
    order = rng.choice([("country", "capital"), ("country", "capital"), ("capital", "country"), ("capital",)])
    keys = pick_keys(rng, order)
    return asked(rng, split, q, keys, {n: {"country": c, "capital": k}[r] for n, r in zip(keys, order)}, thought, ("search",))


def numbers(rng, split):
    op, a, b, result, q = arithmetic.problem(rng, split)
    q, thought = casual(rng, q), arithmetic.working(op, a, b)
    if rng.random() < 0.4:
        return asked(rng, split, q, None, {"answer": result}, thought, ("math",))
    order = rng.choice([("result",), ("result",), ("a", "b", "result"), ("a", "operator", "b", "result")])
    keys = pick_keys(rng, order)
    return asked(rng, split, q, keys, {n: {"a": a, "b": b, "result": result, "operator": op}[r] for n, r in zip(keys, order)}, thought, ("math",))


def wrapped(rng, split):
    source = rng.choice([greet.exchange, altiplano.exchange, unknown.exchange])
    e = source(rng, split)
    answer = "I don't know." if e.skill == "unknown" else e.answer
    if rng.random() < 0.3:
        key = rng.choice(["answer", "text", "reply", "message", "response"])
        return asked(rng, split, e.question, [key], {key: answer}, e.thought, ("search", "any"))
    return asked(rng, split, e.question, None, {"answer": answer}, e.thought, ("search", "any"))


def extract(rng, split):
    order, forms = rng.choice(SENTENCES)
    facts = {"person": person(rng, split), "age": rng.randint(1, 99), "place": city(rng, split), "job": rng.choice(JOBS), "item": word(rng, split), "count": rng.randint(2, 99),
             "price": rng.choice([rng.randint(1, 500), rng.randint(1, 99)])}
    s = rng.choice(forms).format(**facts)
    order = list(order)
    if rng.random() < 0.2:
        rng.shuffle(order)
    if rng.random() < 0.15:
        order = order[:1]
    keys = pick_keys(rng, order)
    q = choose(rng, split, EXTRACT, EXTRACT_HELD).format(k=names(rng, keys), s=s)
    value = {n: facts[r] for n, r in zip(keys, order)}
    return Exchange(casual(rng, lead(rng, split, q, 0.2), True), dump(value), "I copy the values from the text.", "json", avoid=("any",), data=True)


RECORD = ["Turn this into JSON: {s}", "As JSON: {s}", "Write this as JSON: {s}", "{s}\nWrite that as JSON.", "Convert to JSON: {s}", "JSON for: {s}", "Make a JSON object of this: {s}", "{s} Give it to me as JSON."]


def record(rng, split):
    """Keys and values that mean nothing: they can only be copied."""
    fields = {}
    for _ in range(rng.choice([1, 2, 2, 3, 3, 4, 5])):
        key = rng.choice([word, lambda r, s: invented(r), lambda r, s: f"{word(r, s)}_{word(r, s)}"])(rng, split)
        value = rng.choice([city, person, word, lambda r, s: phrase(r, s, 2, 4), code, date])(rng, split)
        fields[key] = rng.randint(0, 999) if rng.random() < 0.25 else value
    form, glue = rng.choice(["{k}: {v}", "{k}: {v}", "{k} = {v}", "the {k} is {v}", "{k} {v}"]), rng.choice([", ", ", ", "; ", "\n"])
    q = rng.choice(RECORD).format(s=glue.join(form.format(k=k, v=v) for k, v in fields.items()))
    return Exchange(q, dump(fields), "I copy the values from the text.", "json", avoid=("any",), data=True)


def exchange(rng, split):
    if split != HELD and rng.random() < 0.2:
        return record(rng, split)
    return rng.choices([capital, numbers, wrapped, extract], [3, 3, 2, 4])[0](rng, split)
