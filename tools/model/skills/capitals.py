"""The capitals of fifty countries, and knowing that there are others."""

from common import Exchange, HELD, casual, choose, first_upper, invented, lead, listed

CAPITALS = dict(pair.split(":") for pair in listed("""France:Paris, Germany:Berlin, Spain:Madrid, Italy:Rome, Portugal:Lisbon, Austria:Vienna,
Switzerland:Bern, Belgium:Brussels, Poland:Warsaw, Hungary:Budapest, Greece:Athens, Ireland:Dublin, Norway:Oslo, Sweden:Stockholm,
Finland:Helsinki, Denmark:Copenhagen, Iceland:Reykjavik, Romania:Bucharest, Bulgaria:Sofia, Croatia:Zagreb, Ukraine:Kyiv,
Turkey:Ankara, Egypt:Cairo, Morocco:Rabat, Tunisia:Tunis, Kenya:Nairobi, Ghana:Accra, Nigeria:Abuja, Ethiopia:Addis Ababa,
Japan:Tokyo, China:Beijing, India:New Delhi, Nepal:Kathmandu, Thailand:Bangkok, Vietnam:Hanoi, Indonesia:Jakarta,
South Korea:Seoul, Mongolia:Ulaanbaatar, Australia:Canberra, New Zealand:Wellington, Canada:Ottawa, Mexico:Mexico City, Cuba:Havana,
Peru:Lima, Chile:Santiago, Argentina:Buenos Aires, Brazil:Brasilia, Colombia:Bogota, Ecuador:Quito, Uruguay:Montevideo"""))
COUNTRIES = list(CAPITALS)
OTHERS = listed("""Albania, Algeria, Andorra, Angola, Armenia, Bahrain, Bangladesh, Belize, Benin, Bhutan, Bolivia, Botswana, Cambodia, Cameroon,
Chad, Cyprus, Estonia, Fiji, Gabon, Georgia, Guatemala, Haiti, Honduras, Iran, Iraq, Israel, Jamaica, Jordan, Kuwait, Laos, Latvia, Lebanon,
Libya, Lithuania, Malaysia, Mali, Malta, Moldova, Namibia, Niger, Oman, Pakistan, Panama, Paraguay, Qatar, Russia, Rwanda, Senegal, Serbia,
Slovakia, Slovenia, Somalia, Sudan, Syria, Tanzania, Togo, Tonga, Uganda, Venezuela, Yemen, Zambia, Zimbabwe, Narnia, Gondor, Atlantis, California, Texas, Bavaria""")
ASK = ["What is the capital of {c}?", "What's the capital of {c}?", "What is the capital city of {c}?", "capital of {c}", "Capital of {c}?", "The capital of {c}?", "{c} capital?",
       "Which city is the capital of {c}?", "Name the capital of {c}.", "Tell me the capital of {c}.", "Do you know the capital of {c}?", "What city is {c}'s capital?",
       "What is {c}'s capital?", "{c}'s capital?", "Give me the capital of {c}.", "Can you tell me the capital of {c}?", "I need the capital of {c}.",
       "Which city is {c}'s capital city?", "What is the name of the capital of {c}?", "Where is the government of {c}? Name the capital.", "capital city of {c}",
       "What is the capital of the country {c}?", "The capital of {c} is", "And the capital of {c}?", "What about the capital of {c}?", "Which is the capital of {c}?",
       "Could you name the capital of {c}?", "I would like to know the capital of {c}.", "Let me know the capital of {c}.", "whats the capital of {c}",
       "What's {c}'s capital city?", "Say the capital of {c}.", "Find the capital of {c}.", "Please name {c}'s capital.", "I can't remember the capital of {c}.", "I don't remember the capital of {c}. Which is it?", "I want to visit the capital of {c}. What is it called?", "What is the capital of {c} called?", "How is the capital of {c} called?", "Can you name the city that is the capital of {c}?", "I am looking for the capital of {c}. Can you help?", "My question is about {c}. What is its capital?", "{c} is a country. What is its capital?", "Do you remember the capital of {c}?", "Would you tell me the capital of {c}?", "Could you tell me the capital of {c}?", "Tell me what the capital of {c} is.", "Can you say which city is the capital of {c}?", "Which city is capital in {c}?", "What might the capital of {c} be?"]
ASK_HELD = ["Could you tell me {c}'s capital?", "Which city serves as the capital of {c}?", "Do you happen to know the capital of {c}?",
            "I forgot the capital of {c}. What is it?", "What would be the capital city of {c}?", "Tell me which city is the capital of {c}."]
REVERSE = ["Which country has the capital {k}?", "{k} is the capital of which country?", "Of which country is {k} the capital?", "What country is {k} the capital of?",
           "{k} is the capital of what?", "Which country's capital is {k}?"]
JUST = ["Answer with just the name.", "Just the name.", "Only the name of the city.", "Answer with one word.", "Reply with just the city.", "Answer with only the city name.",
        "Just the city, please.", "Answer in one word.", "Name only."]
JUST_HELD = ["Answer with just the city.", "Reply with only the name."]
UNKNOWN = "I don't know that capital. I know the capitals of fifty countries."


def exchange(rng, split):
    r = rng.random()
    if split != HELD and r < 0.07:
        c = rng.choice(OTHERS) if rng.random() < 0.6 else invented(rng).capitalize()
        return Exchange(casual(rng, rng.choice(ASK).format(c=c)), UNKNOWN, "I have not learned that country.", "capitals", avoid=("search",))
    c = rng.choice(COUNTRIES)
    k = CAPITALS[c]
    if split != HELD and r < 0.14:
        return Exchange(casual(rng, rng.choice(REVERSE).format(k=k)), f"{k} is the capital of {c}.", f"The country with the capital {k} is {c}.", "capitals", avoid=("search",))
    text = choose(rng, split, ASK, ASK_HELD).format(c=c)
    question = casual(rng, lead(rng, split, text, 0.15))
    thought = f"The question is about {c}. Its capital is {k}."
    if rng.random() < 0.2:
        return Exchange(question, k, thought, "just_name", rule=choose(rng, split, JUST, JUST_HELD), avoid=("search",))
    return Exchange(question, f"The capital of {c} is {k}.", thought, "capitals", avoid=("search",))
