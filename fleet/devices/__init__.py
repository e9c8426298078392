"""What a broker knows of each device: its name, its newest messages, and what is wrong with it.

Whatever a device publishes is data from outside: a message that cannot be read is counted as its device's, and ends
nothing.
"""
