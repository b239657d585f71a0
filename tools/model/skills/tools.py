"""Tools: choosing one, copying its arguments out of the question, and using its result."""

import json
from dataclasses import dataclass, field

from common import (Exchange, HELD, casual, choose, city, clock, code, date, first_upper, held, invented, lead, listed, person, phrase, word)

LANGUAGES = listed("French, German, Spanish, Italian, Dutch, Polish, Greek, Turkish, Arabic, Hindi, Japanese, Korean, Chinese, Swedish, Danish, English, Latin, Quechua, Aymara, Welsh")
CURRENCIES = listed("USD, EUR, GBP, JPY, CHF, PEN, BOB, CLP, INR, CNY, SEK, NOK, PLN, CAD, AUD")
ROOMS = listed("kitchen, bedroom, living room, garage, bathroom, hall, office, garden, cellar, attic")


def title(rng, split):
    return " ".join(first_upper(word(rng, split)) for _ in range(rng.randint(1, 3)))


def integer(low, high):
    return lambda rng, split: rng.randint(low, high)


def number(rng, split):
    return rng.choice([rng.randint(1, 999), rng.randint(1, 99), round(rng.uniform(1, 99), 1), round(rng.uniform(1, 99), 2)])


def mail(rng, split):
    return f"{person(rng, split).lower()}@{word(rng, split)}.{rng.choice(['com', 'org', 'net', 'io'])}"


def pick(*values):
    return lambda rng, split: rng.choice(values)


VALUES = {"city": city, "person": person, "text": lambda r, s: phrase(r, s, 2, 5), "word": word, "title": title, "date": date, "time": clock, "code": code, "mail": mail,
          "count": integer(1, 20), "amount": number, "minutes": integer(1, 90), "sum": integer(0, 999), "language": lambda r, s: r.choice(LANGUAGES), "currency": lambda r, s: r.choice(CURRENCIES),
          "room": lambda r, s: r.choice(ROOMS), "unit": pick("celsius", "fahrenheit"), "level": integer(0, 100), "state": pick("on", "off")}
TYPES = {"count": "integer", "amount": "number", "minutes": "integer", "sum": "number", "level": "integer"}
ENUMS = {"unit": ["celsius", "fahrenheit"], "state": ["on", "off"]}


@dataclass
class Kind:
    names: list  # the last one is held out
    about: list
    params: list  # (names, kind of value, description); the last name is held out where there are three or more
    asks: list  # {0}, {1}: the values
    hold: list
    tag: str = ""
    result: list = field(default_factory=list)  # keys of a JSON result and their kinds


def K(names, about, params, asks, hold, tag="", result=()):
    params = [(n.split(), k, d) for n, k, d in params]
    return Kind(names.split(), about.split("|"), params, asks.split("|"), hold.split("|"), tag or names.split()[0], [r.split(":") for r in result])


KINDS = [
    K("get_weather get_current_weather weather getWeather weather_lookup current_weather fetch_weather get_weather_report check_weather",
      "Get the weather in a city|Get the current weather|Current weather for a place|Get the current weather in a given location|Get current temperature for a given location.|Look up the weather",
      [("city location place town address", "city", "The city|City name|The city and state, e.g. San Francisco, CA|Name of the place|City and country e.g. Bogota, Colombia")],
      "What's the weather in {0}?|What is the weather in {0}?|weather in {0}|How is the weather in {0}?|What's the weather like in {0} today?|What is the weather like in {0}?|Is it raining in {0}?|Is it sunny in {0}?|Tell me the weather in {0}.|Weather {0}|I need the weather for {0}.|Do I need an umbrella in {0}?|Check the weather in {0}.|What is the weather in {0} right now?|How cold is it in {0}?|How hot is it in {0}?|Get the weather for {0}.|What's the temperature in {0}?|Can you tell me the weather in {0}?|How warm is it in {0} today?|what's the weather in {0} now",
      "Could you check the weather in {0}?|What is the weather today in {0}?|Give me the weather in {0}.|How's the weather in {0}?", "weather", ["temperature:level", "condition:weather"]),
    K("get_weather get_current_weather get_temperature temperature weather_with_unit get_local_weather", "Get the weather in a city|Get the current weather in a given location|Get the temperature in a unit",
      [("city location place", "city", "The city|The city and state, e.g. San Francisco, CA"), ("unit units scale", "unit", "The unit|Temperature unit")],
      "What's the weather in {0} in {1}?|Temperature in {0} in {1}|How warm is it in {0} in {1}?|What is the temperature in {0}, in {1}?|Weather in {0} in {1}, please.|Tell me the weather in {0} in {1}.", "Give me the weather in {0} in {1}.|What is the weather in {0} in degrees {1}?", "weather", ["temperature:level", "condition:weather"]),
    K("get_forecast forecast weather_forecast get_weather_forecast forecast_lookup", "Get the weather forecast|Forecast for a city and a day|Weather forecast",
      [("city location place", "city", "The city|Where"), ("date day when", "date", "The day|Date of the forecast")],
      "What will the weather be in {0} {1}?|Forecast for {0}, {1}|What is the forecast for {0} on {1}?|Will it rain in {0} on {1}?|Weather forecast for {0} for {1}|How will the weather be in {0} on {1}?", "Give me the forecast for {0} on {1}.|What's the forecast for {0} for {1}?", "weather", ["temperature:level", "condition:weather"]),
    K("get_time current_time get_current_time time_in clock world_clock", "Get the current time in a city|Current local time|Tells the time in a place", [("city location place timezone", "city", "The city|Where|City name")],
      "What time is it in {0}?|Time in {0}|Tell me the time in {0}.|What is the time in {0}?|Current time in {0}?|What is the local time in {0}?|Do you know what time it is in {0}?|What time is it now in {0}?", "Could you tell me the time in {0}?|What's the time in {0}?", "time", ["time:time"]),
    K("add sum add_numbers plus calculate_sum addition", "Add two numbers|Adds a and b|Returns the sum of two numbers", [("a x first", "sum", "First number|The first number"), ("b y second", "sum", "Second number|The second number")],
      "What is {0} + {1}?|What is {0} plus {1}?|Add {0} and {1}.|{0}+{1}|{0} + {1}|Compute {0} + {1}|Calculate {0} plus {1}.|How much is {0} + {1}?|Use the tool to add {0} and {1}.|sum of {0} and {1}", "Give me the sum of {0} and {1}.|Could you add {0} and {1}?", "math", ["result:sum"]),
    K("multiply times product mul multiply_numbers", "Multiply two numbers|Multiplies a and b", [("a x first", "sum", "First number"), ("b y second", "sum", "Second number")],
      "What is {0} times {1}?|Multiply {0} by {1}.|{0} * {1}|What is {0} x {1}?|Compute {0} * {1}|Multiply {0} and {1}.|How much is {0} times {1}?", "Could you multiply {0} by {1}?|Give me {0} times {1}.", "math", ["result:sum"]),
    K("calculator calculate evaluate math eval_expression calc", "Evaluate a math expression|A calculator|Compute the value of an expression", [("expression expr formula", "formula", "The expression|Math expression")],
      "What is {0}?|Calculate {0}|Compute {0}.|Evaluate {0}|{0}|How much is {0}?|Use the calculator for {0}.|Solve {0}", "Work out {0}.|Could you calculate {0}?", "math", ["result:sum"]),
    K("send_email send_mail email compose_email sendEmail write_email mail_message", "Send an email|Sends an email to someone", [("to recipient address", "mail", "Recipient|Email address"), ("subject title topic", "text", "The subject|Subject line")],
      "Send an email to {0} with the subject {1}.|Email {0} about {1}|Write an email to {0} with subject {1}|Send {0} an email about {1}.|Mail {0} with the subject \"{1}\"|Please send an email to {0} about {1}.", "Can you email {0} about {1}?|Send a mail to {0} with the subject {1}", "", ["status:status"]),
    K("send_message send_sms message text_message send_text send_chat", "Send a message to a person|Text someone", [("recipient to person contact", "person", "Who gets it|The recipient"), ("message text body content", "text", "The message|Text to send")],
      "Send a message to {0}: {1}|Text {0}: {1}|Message {0} that {1}|Tell {0} {1}|Send {0} the message \"{1}\"|Send {0} a message saying {1}|Write to {0}: {1}|Let {0} know: {1}|Send \"{1}\" to {0}.|Write \"{1}\" to {0}", "Please text {0}: {1}|Send the text \"{1}\" to {0}.", "", ["status:status"]),
    K("set_reminder create_reminder add_reminder remind reminder new_reminder", "Set a reminder|Create a reminder", [("text task title message", "text", "What to remind of|The task"), ("time when at", "time", "When|Time of the reminder")],
      "Remind me to {0} at {1}.|Set a reminder to {0} at {1}|Reminder at {1}: {0}|At {1} remind me to {0}.|Please remind me at {1} to {0}.|Create a reminder for {1}: {0}|I must {0} at {1}, remind me.", "Can you remind me to {0} at {1}?|Make a reminder for {1}: {0}", "", ["status:status"]),
    K("set_alarm create_alarm alarm wake_me add_alarm", "Set an alarm|Sets an alarm clock", [("time at when", "time", "Time of the alarm|When")],
      "Set an alarm for {0}.|Wake me at {0}.|Alarm at {0}|Set the alarm to {0}|I need an alarm at {0}.|Please wake me up at {0}.|Alarm for {0}, please", "Can you set an alarm for {0}?|Make an alarm for {0}.", "", ["status:status"]),
    K("set_timer start_timer timer countdown create_timer", "Start a timer|Start a countdown in minutes", [("minutes duration length", "minutes", "Minutes|Length in minutes")],
      "Set a timer for {0} minutes.|Timer {0} minutes|Start a timer of {0} minutes|Start a {0} minute timer.|{0} minutes timer|Count down {0} minutes.", "Can you set a timer for {0} minutes?|Make a {0} minute timer.", "", ["status:status"]),
    K("create_event add_event schedule_meeting create_calendar_event new_event book_event", "Create a calendar event|Add an event to the calendar", [("title name subject", "title", "Title|Name of the event"), ("date day when", "date", "The date|Day")],
      "Create an event {0} on {1}.|Add {0} to my calendar on {1}|Put {0} in my calendar for {1}.|Schedule {0} for {1}|New event: {0}, {1}|Make an appointment {0} on {1}.|Schedule a meeting called {0} on {1}.", "Can you schedule {0} for {1}?|Add the event {0} on {1}.", "", ["status:status"]),
    K("translate translate_text translation translator do_translate", "Translate a text|Translate text into a language", [("text phrase input", "text", "The text|Text to translate"), ("language target target_language to", "language", "Target language|The language")],
      "Translate \"{0}\" to {1}.|Translate {0} into {1}|How do you say {0} in {1}?|Translate to {1}: {0}|What is \"{0}\" in {1}?|Say {0} in {1}.|Please translate {0} to {1}.", "Can you translate {0} to {1}?|Give me {0} in {1}.", "", ["translation:text"]),
    K("convert_currency currency_convert exchange convert_money currency", "Convert money|Convert an amount between currencies", [("amount value sum", "amount", "The amount"), ("from source from_currency", "currency", "From|Source currency"), ("to target to_currency", "currency", "To|Target currency")],
      "Convert {0} {1} to {2}.|How much is {0} {1} in {2}?|{0} {1} in {2}|Change {0} {1} into {2}.|What is {0} {1} in {2}?|Exchange {0} {1} to {2}", "Can you convert {0} {1} to {2}?|Turn {0} {1} into {2}.", "", ["amount:amount"]),
    K("get_stock_price stock_price stock get_quote quote ticker_price", "Get the price of a stock|Stock quote", [("symbol ticker stock", "code", "The symbol|Ticker symbol")],
      "What is the stock price of {0}?|Stock price {0}|How much is {0} stock?|Price of {0}|What does {0} trade at?|Get the quote for {0}.|What's {0} trading at?", "Give me the stock price of {0}.|Look up the stock {0}.", "", ["price:amount"]),
    K("search web_search search_web internet_search google find_online", "Search the web|Find pages on the web", [("query q text keywords", "text", "The query|Search terms")],
      "Search the web for {0}.|Search for {0}|Look up {0}|Find information about {0}.|Google {0}|Search {0} online.|Web search: {0}", "Please search for {0}.|Do a web search for {0}.", "search", ["title:title"]),
    K("book_flight find_flights search_flights flight flights reserve_flight", "Find or book a flight|Search flights", [("origin from departure", "city", "From|Departure city"), ("destination to arrival", "city", "To|Arrival city"), ("date day when", "date", "Date|Day of travel")],
      "Book a flight from {0} to {1} on {2}.|Find flights from {0} to {1} on {2}|Flight {0} to {1}, {2}|I want to fly from {0} to {1} on {2}.|I need a flight to {1} from {0} on {2}.|Fly me from {0} to {1}, {2}.", "Can you find a flight from {0} to {1} on {2}?|Look for flights from {0} to {1} for {2}.", "", ["flight:code", "price:sum"]),
    K("get_route directions get_directions route plan_route", "Get directions|Route between two places", [("origin from start", "city", "Start"), ("destination to end", "city", "Destination")],
      "How do I get from {0} to {1}?|Route from {0} to {1}|Directions from {0} to {1}|Show me the way from {0} to {1}.|How far is it from {0} to {1}?|I drive from {0} to {1}.", "Can you plan a route from {0} to {1}?|Give me directions from {0} to {1}.", "", ["distance:sum"]),
    K("book_table reserve_table restaurant_booking make_reservation book_restaurant", "Book a table|Reserve a table in a restaurant", [("people guests party_size", "count", "How many people"), ("time at when", "time", "Time")],
      "Book a table for {0} at {1}.|Reserve a table for {0} people at {1}|Table for {0} at {1}|I need a table for {0} at {1}.|A table for {0} people at {1}, please.", "Can you book a table for {0} at {1}?|Make a reservation for {0} people at {1}.", "", ["status:status"]),
    K("play_music play_song play music start_song", "Play a song|Play music", [("song title track name", "title", "The song|Song title")],
      "Play {0}.|Play the song {0}|I want to hear {0}.|Put on {0}|Start the song {0}.|Play \"{0}\"|Can you play {0}?", "Please play {0}.|Let me hear {0}.", "", ["status:status"]),
    K("set_light switch_light light control_light toggle_light", "Switch a light|Turn a light on or off", [("room place location", "room", "The room"), ("state status value", "state", "on or off")],
      "Turn {1} the light in the {0}.|Turn the light in the {0} {1}.|Switch {1} the {0} light|{0} light {1}|Light {1} in the {0}|Turn {1} the {0} lights.", "Can you switch {1} the light in the {0}?|Please turn {1} the {0} light.", "", ["status:status"]),
    K("set_thermostat set_temperature heat thermostat adjust_heating", "Set the heating|Set the thermostat of a room", [("room place zone", "room", "The room"), ("temperature degrees level", "level", "Degrees")],
      "Set the {0} to {1} degrees.|Heat the {0} to {1} degrees|Make the {0} {1} degrees warm.|Thermostat {0} {1}|Set the temperature in the {0} to {1}.", "Please set the {0} to {1} degrees.|Can you heat the {0} to {1}?", "", ["status:status"]),
    K("get_user find_user lookup_user user_info fetch_user", "Get a user by id|Look up a user", [("id user_id uid", "code", "The id|User id")],
      "Get the user {0}.|Who is user {0}?|Look up user {0}|Find the user with id {0}.|Show user {0}|User {0}?", "Can you look up user {0}?|Give me the user with id {0}.", "", ["name:person", "age:level"]),
    K("track_order order_status get_order find_order check_order", "Get the status of an order|Track an order", [("order_id id order number", "code", "The order|Order number")],
      "Where is my order {0}?|Track order {0}|Status of order {0}|What is the status of order {0}?|Has order {0} been shipped?|Check order {0}.|My order is {0}. Where is it?", "Can you track order {0}?|Tell me the status of order {0}.", "", ["status:status"]),
    K("create_note add_note note save_note write_note", "Save a note|Write a note", [("text content note", "text", "The note|Text")],
      "Note: {0}|Take a note: {0}|Write down {0}|Save a note: {0}|Make a note that says {0}.|Note down {0}.", "Please note: {0}|Can you write down {0}?", "", ["status:status"]),
    K("add_to_list add_item shopping_list add_to_cart add_product", "Add something to the shopping list|Put an item in the cart", [("item product name", "word", "The item"), ("quantity amount count", "count", "How many")],
      "Add {1} {0}s to the list.|Put {1} {0} on my shopping list.|I need {1} {0}, add it.|Add {1} {0} to my cart|{1} {0} on the list, please.", "Please add {1} {0} to the list.|Can you put {1} {0} on the list?", "", ["status:status"]),
    K("call_contact phone_call call dial ring_up", "Call a person|Make a phone call", [("name person contact", "person", "Whom to call")], "Call {0}.|Phone {0}|Ring {0}|Dial {0}|I want to talk to {0}.|Make a call to {0}.|Give {0} a call.", "Please call {0}.|Can you phone {0}?", "", ["status:status"]),
    K("find_restaurant restaurants search_restaurants restaurant_finder", "Find a restaurant|Find restaurants in a city", [("city location place", "city", "Where"), ("cuisine food type", "word", "Kind of food")],
      "Find a {1} restaurant in {0}.|Where can I eat {1} in {0}?|{1} restaurant in {0}|I want to eat {1} in {0}.|Restaurants with {1} in {0}", "Can you find a {1} restaurant in {0}?|Look for {1} restaurants in {0}.", "", ["name:title"]),
    K("get_news news latest_news headlines read_news", "Get the news about a topic|Latest news", [("topic subject about", "text", "The topic")], "News about {0}|What is the news about {0}?|Any news on {0}?|Show me news about {0}.|Latest news about {0}|Tell me the news about {0}.", "Give me the news about {0}.|Are there news about {0}?", "", ["title:title"]),
    K("get_population population city_population country_population", "Get the population of a place", [("place city country", "city", "The place")], "How many people live in {0}?|Population of {0}|What is the population of {0}?|How big is {0}?", "How many inhabitants has {0}?|Give me the population of {0}.", "", ["population:sum"]),
    K("delete_file remove_file rm delete remove", "Delete a file", [("path file name", "file", "The file|Path")], "Delete {0}.|Delete the file {0}|Remove {0}|Remove the file {0}.|Erase {0}", "Please delete {0}.|Get rid of the file {0}.", "", ["status:status"]),
    K("read_file open_file cat load_file show_file", "Read a file|Get the text of a file", [("path file name", "file", "The file|Path")], "Read {0}.|Open the file {0}|What is in {0}?|Show me {0}|Read the file {0}|Print {0}.", "Please open {0}.|What does the file {0} contain?", "", ["content:text"]),
    K("roll_dice dice roll throw_dice", "Roll dice", [("sides faces", "count", "Number of sides")], "Roll a die with {0} sides.|Roll a d{0}|Throw a {0} sided die|Roll dice with {0} sides", "Please roll a die with {0} sides.", "", ["result:count"]),
    K("define dictionary define_word lookup_word", "Define a word|Look up a word in the dictionary", [("word term", "word", "The word")], "Define {0}.|What does {0} mean?|Look up the word {0}|Meaning of {0}|What is the definition of {0}?", "Give me the definition of {0}.|Please define {0}.", "", ["definition:text"]),
    K("create_user add_user register new_user", "Create a user", [("name username user", "person", "Name"), ("email mail", "mail", "Email address")], "Create a user {0} with the email {1}.|Add user {0}, {1}|Register {0} with {1}|New user {0}, email {1}", "Please create the user {0} with email {1}.", "", ["id:code"]),
]
VALUES["formula"] = lambda r, s: f"{r.randint(0, 999)} {r.choice('+-*/')} {r.randint(0, 999)}" if r.random() < 0.7 else f"({r.randint(0, 99)} {r.choice('+-')} {r.randint(0, 99)}) {r.choice('*/')} {r.randint(1, 99)}"
VALUES["file"] = lambda r, s: rname(r, s)
VALUES["status"] = pick("ok", "done", "sent", "created", "shipped", "on the way", "delivered", "saved")
VALUES["weather"] = pick("sunny", "cloudy", "rainy", "windy", "snowy", "clear", "foggy", "stormy", "partly cloudy", "light rain")
VERBS = "start stop open close lock unlock archive approve reject publish rename tag scan restart pause resume install enable disable export import share sort merge assign order rent sell inspect measure sync count reset refund block invite ship refuel tune charge launch".split()
NOUNS = "ticket device server invoice project report photo account job order room vehicle machine channel record book lamp robot engine model contract package sensor pump camera folder game task group team price plant boat door".split()
# What else the names of real tools are made of: none of it may be seen for the first time in a client's tool.
NAME_WORDS = VERBS + NOUNS + ("get set find search fetch check look lookup add create send make update show list read write delete remove save play turn convert calculate compute translate remind schedule track call define roll register cancel local current new "
                              "weather forecast temperature reminder message mail event meeting calendar alarm timer stock quote currency distance route population news topic note item cart product contact phone restaurant hotel flight user "
                              "address file text dice word dictionary addition sum math expression thermostat heating light lights music song clock time date city place location country language exchange rate status").split()
# What a parameter can be called, and what it then holds. Every word that a real schema may use is copied as a key somewhere.
FIELDS = {
    "title": "name title song track album movie hotel company event",
    "code": "id code symbol stock ticker number key uid order_id reference ref",
    "city": "city place location town address destination origin start end from to where country area",
    "date": "date day when deadline due",
    "count": "count size quantity people guests copies pages sides faces limit",
    "level": "level speed degrees volume percent brightness temperature humidity value",
    "person": "owner user person contact recipient friend author customer username receiver",
    "text": "reason text content body message note subject topic about query input task description comment",
    "word": "label color type priority item product word term food cuisine category keyword",
    "amount": "amount price weight number sum total first second a b x y left right",
    "time": "time at hour clock",
    "language": "language target lang source",
    "room": "room zone",
    "mail": "mail email address",
    "unit": "unit units scale",
    "currency": "currency base target",
    "state": "state switch power",
    "minutes": "minutes duration seconds length",
    "file": "path file filename document",
    "formula": "expression formula math calculation",
}
FIELDS = [(name, kind) for kind, names in FIELDS.items() for name in names.split()]


def rname(rng, split):
    stem = word(rng, split)
    return rng.choice(["", "", "/tmp/", "src/", "docs/"]) + stem + rng.choice([".txt", ".md", ".json", ".ts", ".csv", ".log"])


def make_up(rng, split):
    """A tool that exists nowhere else: the name, the words of the question and the fields go together."""
    while True:
        verb, noun = rng.choice(VERBS), rng.choice(NOUNS)
        if rng.random() < 0.2 and split != HELD:
            noun = invented(rng)
        if held(verb + noun, 8) == (split == HELD):
            break
    fields = list(dict(rng.sample(FIELDS, rng.choice([1, 1, 2, 2, 3]))).items())
    name = rng.choice([f"{verb}_{noun}", f"{verb}_{noun}", f"{verb}{noun.capitalize()}", f"{noun}_{verb}"])
    slots = rng.choice([[f"with {f} {{{i}}}" for i, (f, _) in enumerate(fields)], [f"{f} {{{i}}}" for i, (f, _) in enumerate(fields)], [f"with the {f} {{{i}}}" for i, (f, _) in enumerate(fields)]])
    tail = rng.choice([" and ", ", ", " "]).join(slots)
    ask = rng.choice(["{v} the {n} {t}.", "{v} a {n} {t}", "Please {v} the {n} {t}.", "Can you {v} the {n} {t}?", "I want to {v} a {n} {t}.", "{v} {n} {t}"]).format(v=verb, n=noun, t=tail)
    return Kind([name], [f"{first_upper(verb)} a {noun}", f"{first_upper(verb)}s the {noun}", ""], [([f], k, f"The {f}|{first_upper(f)} of the {noun}") for f, k in fields], [first_upper(ask)], [], "made", [["status", "status"]])


def draw(rng, split, names):
    """The last of several names is for the held-out split only."""
    if len(names) == 1:
        return names[0]
    if split == HELD and rng.random() < 0.5:
        return names[-1]
    train = names[:-1] if len(names) > 2 else names
    return rng.choice(train[:1] + train)


def twisted(rng, split, name, share=0.6):
    """Often a name that nobody has seen: it must be read from the list of tools, not remembered."""
    if split == HELD or rng.random() > share:
        return name
    w = rng.choice([word(rng, split), rng.choice(NAME_WORDS), rng.choice(NAME_WORDS), invented(rng)])
    form = rng.choice(["{n}_{w}", "{w}_{n}", "{w}_{n}", "{w}", "{n}{W}", "{w}{N}", "{w}.{n}", "{w}-{n}", "my_{n}", "{n}_v2", "do_{n}", "{n}_tool"])
    return form.format(n=name, w=w, N=first_upper(name), W=first_upper(w))


def twisted_field(rng, split, name):
    if split == HELD or rng.random() > 0.45:
        return name
    if rng.random() < 0.3:
        return invented(rng)
    if rng.random() < 0.3:
        return rng.choice(FIELDS)[0]
    w = rng.choice([word(rng, split), rng.choice(FIELDS)[0], rng.choice(NAME_WORDS), "the", "input", "value", "new"])
    return rng.choice(["{n}_{w}", "{w}_{n}", "{n}_{w}", "{w}{N}"]).format(n=name, w=w, N=first_upper(name))


def declare(rng, split, kind: Kind):
    """The tool as a client would send it, and the names of its parameters."""
    params, used = [], set()
    for names, value, about in kind.params:
        name = draw(rng, split, names)
        twist = twisted_field(rng, split, name)
        name = next(n for n in (twist, name, *names, f"{name}_{len(used) + 1}") if n not in used)
        used.add(name)
        params.append((name, value, rng.choice(about.split("|"))))
    properties = {}
    described = rng.random() < 0.6
    for name, value, about in params:
        p = {"type": TYPES.get(value, "string")}
        if p["type"] == "number" and rng.random() < 0.3:
            p["type"] = "integer" if value == "sum" else "number"
        if described:
            p["description"] = about
        if value in ENUMS and rng.random() < 0.7:
            p["enum"] = ENUMS[value]
        properties[name] = p
    schema = {"type": "object", "properties": properties}
    if rng.random() < 0.8:
        schema["required"] = list(properties)
    if rng.random() < 0.15:
        schema["additionalProperties"] = False
    name = twisted(rng, split, draw(rng, split, kind.names), 0.2 if kind.tag == "made" else 0.6)
    function = {"name": name}
    about = rng.choice(kind.about)
    if about and rng.random() < 0.85:
        function["description"] = about
    function["parameters"] = schema
    if rng.random() < 0.08:
        function["strict"] = True
    return {"type": "function", "function": function}, name, [p[0] for p in params]


def some_kind(rng, split, avoid=()):
    while True:
        kind = make_up(rng, split) if rng.random() < 0.3 else rng.choice(KINDS[:3] * 2 + KINDS)
        if kind.tag not in avoid:
            return kind


def distractors(rng, split, count, avoid=(), taken=()):
    """Other tools; none of the kinds in avoid, no name twice."""
    tools, names, tags = [], set(taken), set(avoid)
    while len(tools) < count:
        kind = some_kind(rng, split, tags)
        tool, name, _ = declare(rng, split, kind)
        if name in names:
            continue
        names.add(name)
        if kind.tag != "made":
            tags.add(kind.tag)
        tools.append(tool)
    return tools


def verbalize(result):
    """What the model says about a tool's result."""
    if not isinstance(result, dict):
        return f"The result is: {result}"
    if "error" in result:
        return f"The tool failed: {result['error']}."
    if list(result) == ["status"] and result["status"] in ("ok", "done"):
        return "Done."
    parts = [f"the {k.replace('_', ' ')} is {v}" for k, v in result.items()]
    return first_upper(", ".join(parts)) + "."


EXTRA = [("humidity", "level"), ("wind", "level"), ("id", "code"), ("city", "city"), ("unit", "unit"), ("name", "title"), ("date", "date"), ("currency", "currency"), ("status", "status"), ("price", "amount"), ("total", "sum"), ("time", "time"), ("owner", "person"), ("message", "text"), ("wind_speed", "level"), ("order_id", "code"), ("user_name", "person")]


def make_result(rng, split, kind):
    r = rng.random()
    if r < 0.06:
        return {"error": rng.choice(["not found", "no such " + word(rng, split), "timeout", "not allowed", phrase(rng, split, 2, 4)])}
    if r < 0.18:
        return rng.choice([phrase(rng, split, 1, 4), str(rng.randint(0, 999)), f"{rng.randint(0, 40)} degrees and {VALUES['weather'](rng, split)}", title(rng, split), f"{VALUES['weather'](rng, split)}, {rng.randint(0, 40)}C"])
    pairs = list(kind.result)
    if rng.random() < 0.35:
        pairs = rng.sample(EXTRA, rng.randint(1, 3)) if rng.random() < 0.6 else pairs + rng.sample(EXTRA, 1)
    return {k: VALUES[v](rng, split) for k, v in pairs}


IMPERATIVES = set("Add Book Call Change Check Compute Convert Create Dial Email Erase Exchange Find Get Heat Look Mail Make Message Multiply Phone Play Put Read Register Remind Remove Reserve Ring Roll Save Schedule Search Send Set Show Start Switch Tell Text Throw Translate Turn Write".split()) | {first_upper(v) for v in VERBS}
WRAPS = ["Would you {}?", "I want you to {}.", "I would like you to {}.", "Will you {}?", "You should {}.", "Now you {}.", "It would be nice to {}."]


def wrapped(rng, form):
    """A command as a wish or a question."""
    if form.split()[0] not in IMPERATIVES or rng.random() > 0.25:
        return form
    return rng.choice(WRAPS).format(form[0].lower() + form[1:].rstrip(".?"))


def ask(rng, split, kind, name, params, result_share):
    """One question that wants this tool."""
    twice = rng.random() < 0.06 and len(params) == 1 and kind.params[0][1] == "city"
    values = [VALUES[k](rng, split) for _, k, _ in kind.params]
    form = choose(rng, split, kind.asks, kind.hold if rng.random() < 0.6 and kind.hold != [""] else [])
    if split != HELD:
        form = wrapped(rng, form)
    calls = [(name, dict(zip(params, values)))]
    question = form.format(*values)
    if twice and (other := city(rng, split)) != values[0]:
        question = form.format(f"{values[0]} and {other}")
        calls.append((name, {params[0]: other}))
    e = Exchange(casual(rng, lead(rng, split, question, 0.12), True), "", f"I call {name}.", "tools", calls=calls)
    if rng.random() < result_share:
        e.results, e.answer = respond(rng, split, kind, calls)
    return e


def session(rng, split, questions=1, result_share=0.0):
    """Some tools of different kinds, and questions that each want one of them."""
    count, kinds, names, tools = rng.choice([1, 1, 2, 2, 3, 4]), [], set(), []
    while len(kinds) < count:
        kind = some_kind(rng, split, {k.tag for k, _, _ in kinds if k.tag != "made"})
        tool, name, params = declare(rng, split, kind)
        if name not in names:
            names.add(name)
            tools.append(tool)
            kinds.append((kind, name, params))
    out = [ask(rng, split, *rng.choice(kinds), result_share) for _ in range(questions)]
    for e in out:
        e.tools = tools
    return out


def exchange(rng, split):
    return session(rng, split)[0]


def respond(rng, split, kind, calls):
    made = [make_result(rng, split, kind) for _ in calls]
    texts = [r if isinstance(r, str) else json.dumps(r, ensure_ascii=False, separators=(",", ":") if rng.random() < 0.3 else None) for r in made]
    return texts, " ".join(verbalize(r) for r in made)


def answered(rng, split):
    """Always with a result: for the held-out set."""
    while True:
        e = exchange(rng, split)
        kind = some_kind(rng, split)
        if len(e.calls) == 1:
            e.results, e.answer = respond(rng, split, kind, e.calls)
            e.skill = "tool_result"
            return e
