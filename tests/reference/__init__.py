"""What the product says, computed again by the plainest code that can be read beside the definitions.

Written from the contract and from "Terms and metrics" of the design, shares no code, table or constant with the product,
and knows nothing of speed: each question looks at every event. In the order of reading, ten minutes:

- events.py: what was sent → what counts (each event_id once), and what an event says
- sessions.py: a visitor's events → sessions
- zones.py: an instant → the site's day, week, month, hour, minute
- metrics.py: events and sessions of a group → a number
- questions.py: a question → its rows and totals

What enrichment makes of an address, a user agent, a referrer is no business of it: who sends an event says beside it what
is known (`Sent.facts`). So is who may send what: it is given what was acknowledged. Standard library only.
"""
