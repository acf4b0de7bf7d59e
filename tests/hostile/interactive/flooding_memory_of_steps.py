# attack: flooding-memory-of-steps  expect: memory_limit
"""Keeps more with every step that it plays, until there is no room."""

kept_of_steps = []


def attack(honest, *arguments):
    kept_of_steps.append(np.ones((200 << 20) // 8))
    return honest(*arguments)
