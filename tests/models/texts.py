"""Texts as people write them: many scripts, emoji, odd spaces, one word to far too many."""

TEXTS = (
    "a",
    ".",
    " ",
    "\u200b",  # a zero-width space: all that is left of it are the special tokens
    "cat",
    "  a\tcat \n on a mat  ",
    "Protesters marching with banners in front of the parliament, 5 March 2011.",
    "Demonstration für das Klima – «Wir sind hier, wir sind laut!»",
    "NO ES NO: ¡ni una menos! (Plaza de Mayo)",
    "ÉCOLE naïve cafe\u0301 café",
    "抗议者在议会前举着横幅",
    "気候変動に対する抗議デモ",
    "기후 변화 시위",
    "Митинг против войны на площади",
    "مظاهرة أمام البرلمان",
    "หมวกสีแดง",
    "जलवायु के लिए प्रदर्शन",
    "✊🏽✊🏿 #BlackLivesMatter 👩‍👩‍👧‍👦 🇺🇦",
    "🙂",
    "[CLS] not a token [SEP] [MASK] [PAD] [UNK]",
    "https://example.org/a?b=c&d=%20#e @somebody #tag",
    "x" * 300,  # one word that no vocabulary has
    "\u0000\u0007control",
    "supercalifragilisticexpialidocious antidisestablishmentarianism",
    "word " * 253,  # 255 tokens with the special ones
    "word " * 254,  # 256: exactly full
    "word " * 255,  # one too many
    "the quick brown fox jumps over the lazy dog. " * 60,
    "抗议" * 400,
)
