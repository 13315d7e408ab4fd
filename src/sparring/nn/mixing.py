"""The mark of layers that look across a batch."""


class MixesExamples:
    """Marks a layer that lets the examples of a batch answer for each other: reals and fakes must pass it apart."""
