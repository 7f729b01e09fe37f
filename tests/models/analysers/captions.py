"""Captions in six languages of Latin script, drawn on pictures."""
# ruff: noqa: RUF001 (dotless i)

from collections.abc import Sequence
from typing import Any

from PIL import Image, ImageDraw

LINES = {
    "English": (
        "Families belong together",
        "No justice, no peace!",
        "Climate action now: 1.5 degrees is the limit",
        "Healthcare is a human right",
        "We will not be silent any longer",
        "Vote on Tuesday, 3 November",
        "Workers of Bridge Street on strike",
        "The people united will never be defeated",
        "Teachers deserve better pay",
        "Science is not a matter of opinion",
    ),
    "German": (
        "Für das Klima auf die Straße",
        "Größere Löhne statt großer Worte",
        "Wir sind mehr: Köln bleibt bunt",
        "Schluß mit den Lügen über Öl",
        "Gegen Mieterhöhungen in München",
        "Frieden schaffen ohne Waffen",
        "Zukunft für alle Jugendlichen",
        "Atomkraft? Nein danke!",
        "Jede Stimme zählt am 26. September",
        "Häuser denen, die darin wohnen",
    ),
    "French": (
        "Liberté, égalité, fraternité",
        "Nous sommes tous des étudiants",
        "La rue est à nous, pas à eux",
        "Grève générale dès le 5 décembre",
        "Touche pas à ma retraite",
        "L'hôpital public se meurt",
        "Où est passé notre pouvoir d'achat ?",
        "Ça suffit, les violences policières",
        "Fin du monde, fin du mois, même combat",
        "Le peuple a déjà parlé à Nîmes",
    ),
    "Albanian": (
        "Qytetarët përballë parlamentit",
        "Drejtësi për të gjithë",
        "Të rinjtë kërkojnë punë",
        "Mos ik, qëndro dhe proteston",
        "Çmimet janë rritur përsëri",
        "Shkolla publike është e jona",
        "Së bashku për një të ardhme më të mirë",
        "Votoni më 14 maj në Tiranë",
        "Uji i pastër është e drejtë",
        "Gratë e Shqipërisë në krye",
    ),
    "Turkish": (
        "Kadın cinayetlerini durduracağız",
        "Güneşli bir gün için yürüyoruz",
        "Özgürlük ve eşitlik istiyoruz",
        "Gençliğin geleceği çalınamaz",
        "Hak, hukuk, adalet",
        "Ağaçlara dokunma, şehri koru",
        "İşçiler 1 Mayıs'ta meydanda",
        "Çocuklar için barış",
        "Yaşasın kız kardeşlik dayanışması",
        "Üniversiteler bizimdir",
    ),
    "Spanish": (
        "¿Dónde están los niños?",
        "El pueblo unido jamás será vencido",
        "¡Educación pública y gratuita!",
        "Ni una menos, vivas nos queremos",
        "Mañana será otro día",
        "No hay planeta B: acción climática ya",
        "Sin maíz no hay país",
        "Jubilación digna para todos",
        "La montaña no se vende",
        "Señor alcalde, ¿y el agua?",
    ),
}


def draw(
    picture: Image.Image,
    lines: Sequence[str],
    font: Any,
    *,
    at: tuple[int, int],
    fill: str = "white",
    outline: str = "black",
    spacing: float = 1.6,
) -> Image.Image:
    """A copy of a picture with lines of text, one below the other."""
    picture = picture.copy()
    pen = ImageDraw.Draw(picture)
    x, y = at
    for line in lines:
        pen.text((x, y), line, font=font, fill=fill, stroke_width=max(1, font.size // 16), stroke_fill=outline)
        y += round(font.size * spacing)
    return picture
