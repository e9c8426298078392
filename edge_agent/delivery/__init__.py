"""From events to the broker: payloads, spool, sessions and the courier between them.

What is seen must arrive: nothing here may drop an incident without counting it, nor wait for the network in a caller's
thread. paho stays inside ``connection``.
"""
