"""A barrier between requests, which forces an interleaving that otherwise happens only by chance."""

import os
import threading


class SaveBarrier:
    """A mixin for models: a save waits until SAVE_BARRIER requests are about to save, and then until all have saved."""

    _place = threading.Barrier(int(os.environ.get("SAVE_BARRIER", "1")), timeout=20)

    def save(self, *arguments, **options):
        self._place.wait()
        saved = super().save(*arguments, **options)
        self._place.wait()
        return saved
