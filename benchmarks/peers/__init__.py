"""What a user would write instead: FastAPI over SQLite, and over Redis.

They speak as much of the v4 API as the harness asks for, and run in .tools/peers.
"""
