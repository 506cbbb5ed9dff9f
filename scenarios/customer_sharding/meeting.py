"""A place where requests meet: it forces what a busy service comes to by itself."""

import os
import threading


class Meeting:
    """Of a model: a save waits until MEETING of them are bound and about to save, and until all have saved."""

    _place = threading.Barrier(int(os.environ.get("MEETING", "1")), timeout=20)

    def save(self, *arguments, **options):
        self._place.wait()
        saved = super().save(*arguments, **options)
        self._place.wait()
        return saved
