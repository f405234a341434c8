"""The one exception that a user's mistake raises."""


class UserError(ValueError):
    """A mistake in the user's input: one sentence that names the file or key and says what to do.

    The command line prints the message without a traceback and exits with status 2.
    """
