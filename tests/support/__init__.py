"""What the black-box tests share: a server in a folder of its own, its command line, HTTP, events and questions.
Standard library only."""
