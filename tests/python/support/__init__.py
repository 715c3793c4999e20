"""What the suites share: the server under test, ways to talk to it, and a look at what runs."""
