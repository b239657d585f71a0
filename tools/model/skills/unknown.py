"""Everything else: the model says that it does not know."""

import re

from common import Exchange, HELD, casual, choose, city, first_upper, invented, lead, person, phrase, word

ANSWER = "I don't know. I am a very small demonstration model."
FORMS = """Who wrote {x}?|Who invented the {w}?|Who discovered {x}?|Who won the {w} cup in {y}?|Who is {p}?|Who was {p}?|Who is the president of {c}?|Who painted the {w}?|Who directed {x}?
What is a {w}?|What is {x}?|What is the price of {w}?|What is the population of {c}?|What is the weather in {c}?|What's the weather like in {c} today?|What time is it?|What time is it in {c}?|What day is it today?|What is the best {w}?
What is the height of {c}?|What is the area of {c}?|What does {w} mean?|What happened in {y}?|What are the rules of {w}?|What is the history of {c}?|What language do they speak in {c}?|What is the currency of {c}?
When was {p} born?|When did {p} die?|When was the {w} invented?|When does the {w} open?|When is the next {w}?|Where is {c}?|Where can I buy a {w}?|Where was {p} born?|Where do {w}s live?|Where is my {w}?
Why do {w}s have {v}?|Why is the {w} so {v}?|Why is {w} important?|Why did {p} leave {c}?|How do I cook {w}?|How do I fix my {w}?|How does a {w} work?|How old is {p}?|How tall is {p}?|How far is {c} from here?
How many people live in {c}?|How much does a {w} cost?|How do I bake {w}?|How do I learn {w}?|How can I get to {c}?|How long does {w} take?|How heavy is a {w}?|Explain {x}.|Explain {x} to me.|Explain how a {w} works.
Write an essay about {w}.|Write an email to {p}.|Write code that sorts a {w}.|Write a song about {w}.|Write a function that finds the {w}.|Summarize {x}.|Summarize this text: {x}|Translate {w} to French.|Translate this to German: {x}
Recommend a {w}.|Recommend a good book about {w}.|Give me advice about {w}.|Give me a recipe for {w}.|Give me a list of {w}s.|Describe {c}.|Describe a {w}.|Compare {w} and {v}.|Which {w} is better?|Which {w} should I buy?
Is {w} healthy?|Is {p} married?|Is {w} a fruit?|Is it going to rain in {c}?|Is a {w} bigger than a {v}?|Can you drive a {w}?|Can you book a flight to {c}?|Can you explain {x}?|Can a {w} swim?|Can you help me with my {w}?|Can you fix my {w}?
Do you like {w}?|Do you know {p}?|Do you know anything about {w}?|Does {p} like {w}?|Did {p} win?|Are {w}s dangerous?|Tell me about {w}.|Tell me about {c}.|Tell me about {p}.|Tell me the news.|Tell me something about {x}.
What do you think about {w}?|What is your opinion on {w}?|What is the square root of {n}?|What is {n} divided by {m}?|Solve the equation {n}x = {m}.|What is the speed of {w}?|What is quantum {w}?|Explain quantum physics.|Explain machine learning.
What is machine learning?|What is the stock price of {w}?|Book a table in {c}.|Send a message to {p}.|Remind me to {w} the {v}.|Play {x}.|Turn on the {w}.|Set an alarm for {n}.|Plan a trip to {c}.|Make a plan for {w}.|List ten {w}s.
Fix this sentence: {x}|Correct this: {x}|What is the chemical formula of {w}?|What is the largest {w}?|What is the largest {w} in the world?|What is the opposite of {w}?|What rhymes with {w}?|Who sings {x}?|Who are the {w}s of {c}?|{x}|{x}?|{z}
Classify this text: {x}|Is this text positive or negative: {x}|What is the plural of {w}?|Who is the king of {c}?|Who founded {c}?|How do you spell {w}?|Define {w}.|What is the definition of {w}?|What does {p} do?|What is love?|What is the theory of {w}?""".replace("\n", "|").split("|")
FORMS_HELD = """Who built the {w}?|What is the meaning of the word {w}?|When was {c} founded?|Where can I find a good {w}?|Why are {w}s so {v}?|How do I clean a {w}?|How big is {c}?|Write a letter about {w}.|Give me three reasons to like {w}.
Is a {w} expensive?|Should I buy a {w}?|Describe the life of {p}.|Who is the mayor of {c}?|What are the best restaurants in {c}?|Who composed {x}?|How was the {w} made?|Explain the history of {w}.|Tell me a fact about {w}s.""".replace("\n", "|").split("|")


# what a tool could answer: never asked where tools are offered
TOOLISH = re.compile("weather|rain|time|day|price|population|people live|book|send|remind|play|turn|alarm|plan|translate|define|definition|mean|news|write an email|list of|flight|sings|directions|get to|far", re.I)
ANSWERED_BY = ("search", "define", "find_restaurant", "get_population", "get_news", "create_note", "get_user", "play_music")


def fill(rng, split, form):
    return form.format(x=phrase(rng, split, 1, 4), w=word(rng, split), v=word(rng, split), p=person(rng, split), c=city(rng, split), y=rng.randint(1800, 2030),
                       n=rng.randint(2, 999), m=rng.randint(2, 99), z=" ".join(invented(rng) for _ in range(rng.randint(1, 4))))


def exchange(rng, split):
    form = choose(rng, split, FORMS, FORMS_HELD)
    avoid = ANSWERED_BY + (("any",) if TOOLISH.search(form) or form[0] == "{" else ())
    return Exchange(casual(rng, lead(rng, split, first_upper(fill(rng, split, form)), 0.15)), ANSWER, "I have not learned this.", "unknown", avoid=avoid)
