"""Bad requests of Label Studio, for the table of bad input: rows as in bad_pages."""

from collections.abc import Sequence

from tests.e2e.bad_pages import PHOTO, Request

MODEL = "/label-studio/zero-shot/embedded"
CHOICES = '<Choices name="a" toName="i"><Choice value="a cat"/><Choice value="a dog"/></Choices>'
IMAGE = '<Image name="i" value="$image"/>'
CONFIG = f"<View>{IMAGE}{CHOICES}</View>"


def setup(name: str, config: object, words: str) -> Request:
    return name, f"{MODEL}/setup", {"schema": config}, 422, "invalid_request", words


def picture(name: str, photo: object, code: str | None, words: str, status: int = 422) -> Request:
    body = {"tasks": [{"id": 1, "data": {"image": photo}}], "label_config": CONFIG}
    return name, f"{MODEL}/predict", body, status, code, words


REQUESTS: Sequence[Request] = (
    picture("a task of Label Studio", f"data:image/jpeg;base64,{PHOTO}", None, "", 200),
    setup("a configuration of Label Studio that is no XML", "<View>", "is no XML"),
    setup("a configuration with an external entity", f'<!DOCTYPE v SYSTEM "file:///etc/passwd">{CONFIG}', "type"),
    setup("a configuration without choices", f"<View>{IMAGE}</View>", "has no Choices"),
    setup("a configuration with one choice", CONFIG.replace('<Choice value="a dog"/>', ""), "two labels or more"),
    setup("a configuration with a label twice", CONFIG.replace('"a dog"', '"dog" predicted_values="a cat"'),
        "in two choices"),
    setup("a configuration that is a number", 5, "label_config|schema"),
    picture("a task with an address of another host", "https://example.org/cat.jpg", "url_not_fetched", "not fetched"),
    picture("a task with a file of a server without a folder", "/data/upload/1/cat.jpg", "no_data", "DAGUERRE_DATA"),
    picture("a task without its picture", None, "missing_modality", "has no 'image'"),
    picture("a task whose picture is none", "data:image/jpeg;base64,dGV4dA==", "unsupported_image", "plain", 415),
    ("a request of Label Studio without tasks", f"{MODEL}/predict", {"tasks": [], "label_config": CONFIG}, 422,
        "invalid_request", "tasks"),
    ("a training that Label Studio asks for", f"{MODEL}/webhook", {"action": "START_TRAINING"}, 409, "no_training",
        "nothing is trained"),
    ("an unknown model of Label Studio", "/label-studio/zero-shot/none/setup", {"schema": CONFIG}, 404,
        "unknown_model", "none"),
    ("an unknown kind of model of Label Studio", "/label-studio/all/embedded/setup", {"schema": CONFIG}, 422,
        "invalid_request", "kind"),
)  # fmt: skip
