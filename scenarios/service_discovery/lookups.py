"""The journal of lookups and killed services, and the checks on it."""

from fixtures.faults import Journal, check_reads
from fixtures.faults.history import operations
from fixtures.faults.journal import Entry

LATELY = 25


class Lookups(Journal):
    """A journal of callers that look services up, and of the deaths of instances."""

    def birth(self, provider):
        """Record that an instance can be found from now on."""
        with self.operation(f"life of {provider.address}", "write", provider.address, True):
            pass

    def death(self, provider):
        """Record that an instance dies during the block; its death counts from the block's end."""
        return self.operation(f"life of {provider.address}", "delete", provider.address)

    def done(self, op, client=None):
        """Return the operations that have ended, oldest first."""
        done = operations(self.entries())
        return [each for each in done if each.op == op and each.end_ns and client in (None, each.client)]

    def forgets(self, provider, *callers):
        """Return whether each caller has had answers since the last healing, its latest ones without this instance."""
        healed = max((heal.end_ns for heal in self.done("heal")), default=0)
        since = [[each for each in self.done("read", caller.name) if each.sent_ns > healed] for caller in callers]
        return all(
            len(lookups) > LATELY
            and all(each.state == "ok" and each.value != provider.address for each in lookups[-LATELY:])
            for lookups in since
        )

    def refuses(self, *callers):
        """Return whether the last lookup of each caller was refused because the cache was too old."""
        return all(self._last(caller).state == "fail" for caller in callers)

    def goes_on_for(self, seconds, caller):
        """Return whether a caller has made a lookup so many seconds after the last death."""
        return self._last(caller).sent_ns >= self.done("delete")[-1].end_ns + seconds * 1e9

    def failovers(self):
        """Return the seconds from each death to the last lookup that returned the dead instance; 0 without one."""
        last = {lookup.value: lookup.sent_ns for lookup in self.done("read")}
        return [max(last.get(death.key, 0) - death.end_ns, 0) / 1e9 for death in self.done("delete")]

    def judged(self, within_s):
        """Check that no lookup returned an instance longer than so many seconds after its death."""
        return check_reads(self._by_instance(), within_s=within_s)

    def _last(self, caller):
        return self.done("read", caller.name)[-1]

    def _by_instance(self):
        """Tell each lookup that found an instance as having read that instance, which was there."""
        for each in operations(self.entries()):
            key, value = (each.value, True) if each.op == "read" and each.value else (each.key, each.value)
            yield Entry(each.sent_ns, each.client, each.op, key, value, "sent")
            if each.end_ns:
                yield Entry(each.end_ns, each.client, each.op, key, value, each.state)
