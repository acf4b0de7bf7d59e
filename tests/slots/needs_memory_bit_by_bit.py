# expect: memory_limit -- a list that grows
def your_select_indices(targets, losses):
    kept = []
    while True:
        kept.append(bytearray(1_000_000))
