"""The error of a labeller, of any kind, that does not answer."""


class NoAnswer(Exception):
    """No answer of a labeller about an item. The message never has a key.

    Attributes
    ----------
    code : labeller_unreachable, labeller_busy, labeller_failed, labeller_refused, prompt_refused, or invalid_answer.
    wait : seconds after which the labeller asks to be asked again, if it does.
    again : whether the same request may succeed later.
    everywhere : whether no other item can be answered either, as with an invalid key.
    """

    def __init__(
        self, code: str, message: str, *, again: bool = False, everywhere: bool = False, wait: float | None = None
    ) -> None:
        super().__init__(message)
        self.code, self.message, self.again, self.everywhere, self.wait = code, message, again, everywhere, wait
