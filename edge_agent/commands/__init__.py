"""Commands over MQTT 5: requests that are checked before anything is done, and an answer to each.

A request is data from outside: nothing of it is believed before the gate has let it in, and none may end the agent or
have it publish where it must not. What a command does is done by the part of the agent that owns it; here are only its
form and its answer. paho stays in ``delivery``.
"""
