    def test_grows_here_as_it_does_there(self, evidence):
        """The sizes that take minutes are run by `make peers`, and its run is stored."""
        if not (published.RUNS / PEERS).exists():
            raise NotAvailable("no run of the published package's large sizes is stored: make peers")
        here = published.seconds(PEERS)

        assert max(here[rows] for rows in (100, 1_000, 10_000)) < 2 * here[100]
        assert 0.25 < slope(here, 1_000_000) < 0.85
        assert 0.75 < slope(here, 10_000_000) < 1.15
        evidence.table(
            "the published package's seconds", [{"rows": n, "there": SECONDS[n], "here": here.get(n)} for n in SECONDS]
        )


