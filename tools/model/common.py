"""What every skill needs: exchanges, phrasing, and words to copy."""

import random
from dataclasses import dataclass, field
from zlib import crc32

TRAIN, HELD = "train", "held"


@dataclass
class Exchange:
    """One question and its answer, with what it needs around it.

    steps: the messages after the question; the last one is the answer.
    thought: what stands between <think> tags when thinking is on.
    """

    question: str
    answer: str
    thought: str = ""
    skill: str = ""
    calls: list | None = None  # (name, arguments) pairs instead of a text answer
    tools: list | None = None  # must be offered
    results: list | None = None  # tool results that follow the calls
    rule: str | None = None  # belongs into the system prompt (or before the question)
    avoid: tuple = ()  # kinds of tools that must not be offered
    data: bool = False  # the answer is JSON


def held(key: str, share: int = 10) -> bool:
    """A fixed tenth of all keys is never trained on."""
    return crc32(key.encode()) % share == 0


def choose(rng: random.Random, split: str, train: list, hold: list):
    return rng.choice(hold if split == HELD and hold else train)


def first_upper(s: str) -> str:
    return s[:1].upper() + s[1:]


def casual(rng: random.Random, s: str, keep: bool = False) -> str:
    """The same question as people type it. keep: letters are copied, so leave their case."""
    if not keep:
        r = rng.random()
        if r < 0.25:
            s = s.lower()
        elif r < 0.31:
            s = s.upper()
    r = rng.random()
    if r < 0.25:
        s = s.rstrip("?.!")
    elif r < 0.28:
        s = s.rstrip("?.!") + rng.choice(["??", "!", "?!", " ?", "..."])
    return s


LEADS = ["Please {}", "Hey, {}", "Hi, {}", "Quick question: {}", "Tell me, {}", "Hello! {}", "OK, {}", "So {}", "I have a question. {}", "Now {}", "And {}"]
HELD_LEADS = ["One question: {}", "Hey there, {}"]


def lead(rng: random.Random, split: str, s: str, share: float = 0.15) -> str:
    if rng.random() > share:
        return s
    lowered = s[:1].lower() + s[1:] if not s[:2].isupper() else s
    return rng.choice(LEADS).format(rng.choice([lowered, s]))


def listed(s: str) -> list:
    return [x.strip() for x in s.replace("\n", ",").split(",") if x.strip()]


def worded(s: str) -> list:
    return s.split()


NAMES = worded("""Anna Ben Clara David Emma Felix Grace Henry Ida Jack Kate Liam Maria Noah Olivia Paul Quinn Rosa Sam Tina
Uma Victor Wendy Xavier Yara Zoe Alice Bob Carol Dan Eve Frank Gina Hugo Iris John Karl Laura Mike Nina Oscar Petra Ralf Sara Tom
Ute Vera Will Yusuf Zara Ahmed Bianca Carlos Dora Elena Farid Greta Hans Ivan Julia Kofi Lena Marco Nadia Omar Priya Rahul Sofia
Tariq Ursula Viktor Wei Ximena Yuki Adam Bella Chris Diana Eric Fiona George Helen Isaac Jane Kevin Linda Mark Nora Peter Ruth
Simon Tess Vincent Walter Amir Bruno Chen Daria Emil Fatima""")
HELD_NAMES = worded("Agnes Boris Cecilia Dmitri Esther Fabian Gustav Hilda Ingrid Jonas Kiran Leopold Miriam Nils Ottilie Pablo Renata Stefan Thea Urs Valentin Wanda Yannick Zelda")
CITIES = listed("""Paris, London, Berlin, Madrid, Rome, Vienna, Oslo, Tokyo, Lima, Cairo, New York, Boston, Chicago, Seattle, Denver,
Miami, Dallas, Munich, Hamburg, Cologne, Lyon, Nice, Milan, Turin, Naples, Porto, Lisbon, Seville, Valencia, Geneva, Zurich, Basel,
Graz, Prague, Warsaw, Krakow, Budapest, Athens, Dublin, Cork, Leeds, Bristol, York, Oxford, Sydney, Perth, Delhi, Mumbai, Osaka,
Kyoto, Seoul, Beijing, Shanghai, Bangkok, Hanoi, Jakarta, Manila, Nairobi, Lagos, Accra, Tunis, Quito, Bogota, La Paz, Santiago,
Sao Paulo, Rio de Janeiro, Buenos Aires, Mexico City, Havana, San Diego, Los Angeles, Las Vegas, Salt Lake City, Toronto, Ottawa,
Montreal, Helsinki, Stockholm, Copenhagen, Brussels, Amsterdam, Istanbul, Ankara, Dubai, Doha""")
HELD_CITIES = listed("""Rotterdam, Marseille, Vancouver, Edinburgh, Barcelona, Stuttgart, Melbourne, Singapore, Taipei,
Casablanca, Cusco, Potosi, Houston, Philadelphia, Gothenburg, Antwerp, Bilbao, Palermo, Tallinn, Tbilisi, Cape Town""")
WORDS = worded("""apple bread coffee garden window letter paper river summer winter music camera kitchen bottle market doctor
school teacher student lunch dinner breakfast meeting report budget project team plan idea photo movie book story table chair door key
phone laptop printer ticket train bus bike car road bridge tower castle museum park forest mountain lake beach island storm cloud rain
snow wind sun moon star planet rocket robot engine battery cable screen keyboard mouse button shirt shoes jacket hat umbrella blanket
pillow candle lamp clock watch ring gift party birthday holiday travel hotel flight bag suitcase passport map guide tour beer wine
cheese pizza pasta soup salad rice fish chicken cake cookie sugar salt pepper lemon orange banana cherry grape melon potato tomato
onion carrot dog cat horse cow sheep bird eagle owl frog snake tiger lion bear wolf fox rabbit ant bee spider call buy send read write
fix clean wash water feed walk visit pay order print check update review finish start cancel prepare pick bring return meet help
learn practise paint build cook bake the a my our new old big small red blue green black white fast slow happy quiet early late for
with and from about under invoice rent taxes milk eggs plants client mother father sister brother friend boss neighbour office
dentist bank library garage roof code server backup release notes draft slides agenda schedule deadline quarterly weekly annual""")
HELD_WORDS = worded("""lantern saddle violin harbour cactus marble trumpet walnut pickle sandal turnip velvet compass glacier
meadow parcel ribbon stapler thimble voucher wardrobe broom canoe drum fence hammer""")
ONSET = "b c d f g h j k l m n p r s t v w z br ch cl dr fl gr kr pl pr qu sh sk sl st th tr bl cr fr gl sn sp".split()
NUCLEUS = "a e i o u a e i o ai ea oo ou ie".split()
CODA = ["", "", "", "n", "r", "l", "s", "t", "m", "k", "x", "nd", "rt", "ck", "sh", "v", "p"]


def spliced(rng: random.Random) -> str:
    """The start of one word and the end of another: copying then meets every token, not only those that syllables make."""
    a, b = (rng.choice(rng.choice([NAMES, CITIES, WORDS])).split()[0].lower() for _ in range(2))
    return a[: rng.randint(1, len(a))] + b[rng.randint(0, len(b) - 1) :]


def invented(rng: random.Random) -> str:
    if rng.random() < 0.4:
        return spliced(rng)
    n = rng.choice([1, 2, 2, 2, 3])
    return "".join(rng.choice(ONSET) + rng.choice(NUCLEUS) + rng.choice(CODA) for _ in range(n))


def person(rng, split):
    if split == HELD:
        return rng.choice(HELD_NAMES)
    return rng.choice(NAMES) if rng.random() < 0.5 else invented(rng).capitalize()


def city(rng, split):
    if split == HELD:
        return rng.choice(HELD_CITIES)
    r = rng.random()
    if r < 0.5:
        return rng.choice(CITIES)
    if r < 0.8:
        return invented(rng).capitalize()
    if r < 0.9:
        return rng.choice([invented(rng), word(rng, split)]).capitalize() + " " + rng.choice(["Town", "City", "Bay", "Hill", "Falls", "Beach", "Park", "Springs", invented(rng).capitalize()])
    return rng.choice(["New", "San", "Port", "Saint", "Los", "El", "Bad", "Lake"]) + " " + invented(rng).capitalize()


def word(rng, split):
    if split == HELD and rng.random() < 0.6:
        return rng.choice(HELD_WORDS)
    return rng.choice(WORDS) if rng.random() < 0.75 or split == HELD else invented(rng)


def phrase(rng, split, low=1, high=5):
    return " ".join(word(rng, split) for _ in range(rng.randint(low, high)))


WEEKDAYS = worded("Monday Tuesday Wednesday Thursday Friday Saturday Sunday")
MONTHS = worded("January February March April May June July August September October November December")


def date(rng, split):
    r = rng.random()
    if r < 0.35:
        return f"{rng.randint(1990, 2039)}-{rng.randint(1, 12):02}-{rng.randint(1, 28):02}"
    if r < 0.55:
        return rng.choice(WEEKDAYS)
    if r < 0.75:
        return f"{rng.choice(MONTHS)} {rng.randint(1, 30)}"
    return rng.choice(["tomorrow", "today", "next week", "tonight", "next Monday", "next Friday"])


def clock(rng, split):
    r = rng.random()
    if r < 0.4:
        return f"{rng.randint(0, 23)}:{rng.choice(['00', '15', '30', '45', '05', '10', '20', '50'])}"
    if r < 0.8:
        return f"{rng.randint(1, 12)}{rng.choice([' am', ' pm', 'am', 'pm'])}"
    return f"{rng.randint(0, 23):02}:{rng.randint(0, 59):02}"


def code(rng, split):
    r = rng.random()
    if r < 0.3:
        return "".join(rng.choice("ABCDEFGHIJKLMNOPQRSTUVWXYZ") for _ in range(rng.randint(2, 5)))
    if r < 0.6:
        return rng.choice("ABCDEFGHIJKLMNOPQRSTUVWXYZ") + str(rng.randint(10, 99999))
    if r < 0.8:
        return f"{invented(rng)[:4].upper()}-{rng.randint(1, 9999)}"
    return str(rng.randint(100, 99999))


SYSTEMS = ["You are a helpful assistant."] * 6 + [
    "You are a helpful assistant", "You are helpful.", "You are a friendly assistant.", "Be concise.", "Be brief.", "You are an assistant.",
    "You are a helpful AI assistant.", "You are Altiplano, a small model.", "Answer the user's questions.", "You are a concise assistant.",
    "You are a polite bot. Keep answers short.", "Help the user.", "You are an expert.", "Answer truthfully.", "You are a chatbot.",
    "You answer questions about many things.", "Keep it short.", "You are a test assistant.", "Reply in one sentence.",
    "You are a customer support agent.", "You are a demo.", "Assist the user. Use tools when needed.", "You can call tools.",
    "You are an AI model that can use tools.", "Respond in English.", "You are a knowledgeable guide.", "Be kind.",
    "Use the tools when they help.", "You are a pirate.", "You are a teacher who explains things.", "Do your best.",
]
HELD_SYSTEMS = ["You are a smart and careful assistant.", "Please be short and friendly.", "You help people with their work.",
                "You are a support bot. Answer politely.", "You are a useful helper."]


def system(rng, split):
    if rng.random() < (0.35 if split == TRAIN else 0.3):
        return None
    if split == HELD and rng.random() < 0.5:
        return rng.choice(HELD_SYSTEMS)
    if split == TRAIN and rng.random() < 0.2:
        return first_upper(phrase(rng, split, 3, 12)) + "."
    return rng.choice(SYSTEMS)
