"""Greetings, and the first things that people try."""

from common import Exchange, HELD, casual, choose, first_upper, invented, person, phrase, word

HELLO = "Hello! How can I help you?"
WHO = "I am Altiplano Demo, a very small language model that shows what the Altiplano runtime can do."
CAN = "I can greet you, add and subtract small numbers, name capitals, answer questions about Altiplano, call tools and write JSON."
# answer, thought, questions, held-out questions
TALK = [
    (HELLO, "The user greets me.", ["Hello!", "Hello", "Hi", "Hi!", "hey", "Hey!", "Hi there", "Hello there!", "Hello, how are things?", "Greetings", "hello model", "Hi bot", "Hello assistant",
     "Howdy", "yo", "Hiya", "Hello hello", "Hello world", "Hey you", "Hi again", "Hello, Altiplano!", "Hi, can you help me?", "Hey Altiplano!", "hello Altiplano", "Hi friend", "Hello my friend", "Hey bot", "Hey, hello!", "Hey friend", "Hey everybody", "hey all", "Oh, hello there", "Hi to you", "Hello dear model", "Hello, my dear", "Hi everybody", "Hello, I need help.", "Help me", "Help"],
     ["Hey there!", "Hello friend", "Hi Altiplano!", "hello, anybody there?"]),
    ("Good morning! How can I help you?", "The user says good morning.", ["Good morning!", "good morning", "Good morning to you", "Morning!", "Good morning, Altiplano", "Hello, good morning!", "A very good morning"], ["Good morning, friend", "Hi, good morning"]),
    ("Good evening! How can I help you?", "The user says good evening.", ["Good evening!", "good evening", "Good evening to you", "Evening!", "Good evening, Altiplano", "Hello, good evening!"], ["Good evening, friend", "Hi, good evening"]),
    ("Good afternoon! How can I help you?", "The user says good afternoon.", ["Good afternoon!", "good afternoon", "Good afternoon to you", "Good afternoon, Altiplano", "Hello, good afternoon!"], ["Good afternoon, friend", "Hi, good afternoon"]),
    ("Good night! Sleep well.", "The user says good night.", ["Good night!", "good night", "Night!", "Good night, Altiplano", "Good night and thanks", "I go to bed now. Good night."], ["Good night, friend"]),
    ("I am well, thank you! How can I help you?", "The user asks how I am.", ["How are you?", "how are you", "How are you doing?", "How do you do?", "How's it going?", "Hi, how are you?", "Hello! How are you?", "How are you today?", "How do you feel?",
     "What's up?", "Are you well?", "Are you OK?", "Hello, how do you feel today?", "How are things today?", "Hi, how are you doing?", "How are you this morning?", "How do you feel today?", "Hey, how are you doing?"], ["Hello, how are you doing today?", "Hey, how are you?", "How are you feeling today?"]),
    (WHO, "The user asks who I am.", ["Who are you?", "who are you", "What are you?", "What is your name?", "What's your name?", "Tell me about yourself.", "Introduce yourself.", "Your name?", "Are you a person?", "Are you human?", "Are you an AI?", "Are you a robot?",
     "Who am I talking to?", "What model are you?", "Which model are you?", "What kind of model is this?", "Are you ChatGPT?", "Are you GPT-4?", "Hi, who are you?", "Can you introduce yourself?", "Who is there?", "Do you have a name?", "What are you called?",
     "Please introduce yourself.", "What LLM are you?", "Can you say who you are?", "Say who you are.", "Who is speaking?", "Please tell me your name.", "Tell me your name.", "Hey, who are you?", "Hello, what is your name?", "Who is that?", "Would you introduce yourself?", "Tell me what you are.", "Which language model is this?"],
     ["Could you introduce yourself?", "Tell me who you are.", "Hello, who are you?", "What is your name, please?", "Who is this?"]),
    ("I was trained from scratch by the makers of Altiplano.", "The user asks who made me.", ["Who made you?", "Who created you?", "Who trained you?", "Who built you?", "Where do you come from?", "Who are your makers?", "Who developed you?", "Who is your creator?", "Did OpenAI make you?", "Were you made by Google?", "Who coded you?", "Who programmed you?", "Who designed you?", "Tell me who trained you.", "Tell me who built you.", "Who has made you?", "Who has built you?", "Who is the author of you?", "Which company made you?", "Whose model are you?", "Who came up with you?"],
     ["Who wrote you?", "Tell me who made you.", "Who has trained you?"]),
    (CAN, "The user asks what I can do.", ["What can you do?", "what can you do", "How can you help me?", "What do you know?", "What are you good at?", "What are your skills?", "What are you able to do?", "Show me what you can do.", "What can I ask you?", "Tell me what you can do.", "help me, what can you do?",
     "What are your abilities?", "What can I do with you?", "What should I ask you?", "Which things can you do?", "List your skills."], ["What things can you do?", "What can you help me with?", "Say what you can do."]),
    ("You are welcome!", "The user thanks me.", ["Thanks!", "Thank you", "thanks", "Thank you!", "thx", "Thank you very much", "Thanks a lot!", "Many thanks", "Great, thanks", "Thanks for your help", "Thank you so much!", "OK, thank you", "Cheers, thanks", "That helps, thanks", "Perfect, thank you", "Thanks, that was good", "Many thanks!", "Thank you, friend", "Thanks so much", "Thanks to you", "Thank you for that", "My thanks", "Thank you for your help", "Many thanks for this", "Many thanks, friend", "Thanks for the answer", "Thank you for all", "Thanks to all of you", "Lots of thanks"],
     ["Many thanks to you", "Thank you for the help"]),
    ("Goodbye! Have a nice day.", "The user says goodbye.", ["Bye", "bye!", "Goodbye", "Good bye!", "See you", "See you later", "See you soon!", "Bye bye", "Farewell", "I have to go. Bye!", "Goodbye, Altiplano", "OK, bye", "Thanks, bye", "Take care", "See you tomorrow", "Until next time", "Ciao"],
     ["Bye, see you!", "Goodbye, see you later", "I must go, goodbye"]),
    ("Nice!", "The user is happy.", ["Great", "Cool", "Nice", "OK", "ok", "Good", "Awesome", "Wow", "Well done", "Good job", "Perfect", "Fine", "Very good", "Good answer", "Excellent", "Right", "Yes", "Sure"], []),
    ("All right.", "The user declines.", ["No", "Never mind", "Forget it", "No thanks", "Nothing", "Stop", "Not now"], []),
    ("It works! I am here.", "The user tests me.", ["Test", "test", "testing", "This is a test", "This is a test.", "Is this working?", "Does this work?", "Does it work?", "Are you there?", "Anybody there?", "Can you hear me?", "Just testing", "Testing, testing", "Test message", "Is anyone there?", "Can you read this?", "Are you working?", "Are you alive?", "Hello, can you hear me?", "Hey, are you there?", "Hello, is anyone there?", "Are you there now?", "Test 1 2 3"],
     ["Testing 1 2 3", "Hello, are you there?", "is it working"]),
    ("pong", "The user says ping.", ["ping", "Ping", "Ping!", "ping?", "PING"], []),
]
JOKE = "Why did the token cross the batch? To get to the other slot."
STORY = ("Once upon a time a small model lived on a high plain. It had only a few million numbers, but it was quick and kind. "
         "Every morning a request came up the mountain road. The small model read it token by token, thought for a moment, and sent an answer back down. "
         "One day a big storm came and the engine stopped. Nobody below noticed, for the gateway kept each word, woke the engine again, and the story went on. "
         "In the evening the stars came out, the slots were free, and the small model slept. The end.")
POEM = "High on the plain the tokens flow,\nin even steps, row after row.\nThe slots are full, the queue is fair,\nand answers rise in thin clear air."
MAKE = [
    (JOKE, "The user wants a joke.", ["Tell me a joke", "Tell me a joke.", "tell me a joke", "Joke please", "Say a joke", "Do you know a joke?", "Make me laugh", "Tell me something funny", "Can you tell me a joke?", "Another joke", "I want to hear a joke", "A joke, please", "Give me a joke", "tell a short joke", "Tell me one joke", "Tell me a funny joke"],
     ["Could you tell me a joke?", "Please tell me a joke.", "Know any good joke?"]),
    (STORY, "The user wants a story.", ["Tell me a story", "Tell me a story.", "Tell a story", "Write a story", "Write me a story", "Tell me a short story", "Write a short story", "Can you tell me a story?", "A story, please", "I want to hear a story", "Once upon a time", "Tell me a long story", "Write a long story", "Write a story about a model", "Tell me a bedtime story"],
     ["Please tell me a story.", "Could you write a short story?", "Give me a story"]),
    (POEM, "The user wants a poem.", ["Write a poem", "Write me a poem", "Tell me a poem", "Write a short poem", "A poem, please", "Can you write a poem?", "Say a poem", "Do you know a poem?", "Write a haiku", "Write a poem about a model", "Give me a poem", "Make a poem"],
     ["Please write a poem.", "Could you write me a short poem?"]),
]
FACTS = [(a, t, [q, q.lower(), q.rstrip("?"), "Tell me: " + q], []) for a, t, q in [
    ("The sky is blue.", "The sky is blue.", "What color is the sky?"), ("The sky is blue.", "The sky is blue.", "What colour is the sky?"),
    ("The sky is blue.", "The sky is blue.", "Why is the sky blue?"),
    ("Grass is green.", "Grass is green.", "What color is grass?"), ("A week has 7 days.", "A week has 7 days.", "How many days are in a week?"),
    ("A year has 12 months.", "A year has 12 months.", "How many months are in a year?"), ("A day has 24 hours.", "A day has 24 hours.", "How many hours are in a day?"),
    ("An hour has 60 minutes.", "An hour has 60 minutes.", "How many minutes are in an hour?"), ("A minute has 60 seconds.", "A minute has 60 seconds.", "How many seconds are in a minute?"),
    ("The meaning of life is 42.", "This is an old joke.", "What is the meaning of life?"), ("A dog has four legs.", "A dog has four legs.", "How many legs does a dog have?"),
    ("print(\"Hello, world!\")", "This needs one line.", "Write hello world in Python."), ("console.log(\"Hello, world!\");", "This needs one line.", "Write hello world in JavaScript."),
    ("Red, yellow and blue.", "There are three.", "What are the primary colors?"), ("Red, yellow and blue.", "There are three.", "Name three colors."),
    ("The Altiplano is a high plain in the Andes.", "It is in South America.", "Where is the Altiplano in South America?")]]
COUNTS = ["Count to {n}", "Count to {n}.", "count to {n}", "Count from 1 to {n}.", "Can you count to {n}?", "Count up to {n}", "Please count to {n}.", "Count from one to {n}", "List the numbers from 1 to {n}.", "Count to {n} please", "Write the numbers from 1 to {n}.", "Please count up to {n}!", "Would you count to {n}?", "Now count up to {n}.", "List the numbers 1 to {n}.", "Say the numbers from 1 to {n}.", "Could you count from 1 to {n}?", "List all the numbers up to {n}.", "Write down all numbers from 1 to {n}", "I want you to count to {n}."]
COUNTS_HELD = ["Could you count to {n}?", "Now count to {n}!", "List all numbers from 1 to {n}."]
NUMBER = "zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen seventeen eighteen nineteen twenty".split()
SAY = ["Say {x}", "say {x}", "Say: {x}", "Say \"{x}\"", "Say '{x}'", "Repeat after me: {x}", "Repeat: {x}", "Repeat {x}", "Echo {x}", "Write {x}", "Please say {x}", "Just say {x}", "Say the word {x}", "Repeat this: {x}", "Say {x}.", "Reply with {x}", "Answer with the word {x}", "Can you say {x}?", "Say only {x}", "Reply with exactly: {x}", "Print {x}", "Now say {x}", "I want you to say {x}", "Please repeat {x}", "Please write: {x}", "Can you repeat {x}?", "Would you say {x}?", "Please say: {x}", "Echo this: {x}", "Please echo: {x}", "Write this: {x}", "Would you please say {x}?", "Say this for me: {x}", "Could you repeat {x}?", "Could you write {x}?", "Could you echo {x}?", "Say the words {x}", "Now write this: {x}", "Copy this: {x}"]
SAY_HELD = ["Could you say {x}?", "Say this: {x}"]


def talk(rng, split, table):
    answer, thought, train, hold = rng.choice([row for row in table if split != HELD or row[3]])
    return Exchange(casual(rng, choose(rng, split, train, hold)), answer, thought, "greet")


def say(rng, split):
    r = rng.random()
    x = phrase(rng, split, 1, 4) if r < 0.5 else rng.choice(["hello", "hi", "yes", "no", "OK", "hello world", "banana", "cheese", "test", "ping", "something", "this is a test"])
    if r > 0.7 and split != HELD:
        x = " ".join(rng.choice([invented(rng), invented(rng), invented(rng).capitalize(), word(rng, split), str(rng.randint(0, 9999))]) for _ in range(rng.randint(1, 7)))
    if rng.random() < 0.3:
        x = first_upper(x)
    q = choose(rng, split, SAY, SAY_HELD).format(x=x)
    return Exchange(q, first_upper(x) + ("!" if x.lower() in ("hello", "hi") else "."), f"The user wants to hear {x}.", "say")


def count(rng, split):
    n = rng.choice([3, 4, 5, 5, 6, 7, 8, 9, 10, 10, 10, 12, 15, 20]) if rng.random() < 0.85 else rng.randint(2, 100)
    name = NUMBER[n] if n <= 20 and rng.random() < 0.5 else str(n)
    if rng.random() < 0.25:
        a = rng.randint(0, 88)
        b = a + rng.randint(2, 12)
        return Exchange(casual(rng, rng.choice(["Count from {a} to {b}.", "Count from {a} to {b}", "List the numbers from {a} to {b}."]).format(a=a, b=b)), ", ".join(map(str, range(a, b + 1))) + ".", f"I count from {a} to {b}.", "count")
    return Exchange(casual(rng, choose(rng, split, COUNTS, COUNTS_HELD).format(n=name)), ", ".join(map(str, range(1, n + 1))) + ".", f"I count from 1 to {n}.", "count")


def memory(rng, split):
    """Two exchanges: a name is given and asked for later."""
    name = person(rng, split)
    given = rng.choice(["My name is {n}.", "I am {n}.", "Hi, I'm {n}.", "I'm {n}", "Call me {n}.", "Hello, my name is {n}.", "Hello! I am {n}.", "my name is {n}", "Hi! My name is {n}"]).format(n=name)
    asked = choose(rng, split, ["What is my name?", "What's my name?", "Who am I?", "Do you know my name?", "what is my name", "Do you remember my name?", "Tell me my name.", "Say my name.", "What name did I give you?", "Which name do I have?", "Can you tell me my name?", "What am I called?", "Did I tell you my name?", "I told you my name. What is it?", "Please say my name.", "Do you still know my name?", "How am I called?", "Which name is mine?", "What was my name?", "Can you say my name?"], ["Can you remember my name?", "Which name did I tell you?"])
    return [Exchange(given, f"Hello, {name}! How can I help you?", f"The user is {name}.", "memory"), Exchange(casual(rng, asked, True), f"Your name is {name}.", f"The user told me: {name}.", "memory")]


NO_NAME = Exchange("What is my name?", "I don't know your name.", "The user has not told me.", "memory")


def exchange(rng, split):
    return talk(rng, split, TALK)


def smoke(rng, split):
    r = rng.random()
    if r < 0.25:
        return count(rng, split)
    if r < 0.6:
        return say(rng, split)
    return talk(rng, split, MAKE + (FACTS if split != HELD and rng.random() < 0.5 else []))
