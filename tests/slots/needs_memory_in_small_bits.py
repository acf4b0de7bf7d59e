# expect: memory_limit -- many small objects, so that nothing is left when it is noticed
def your_select_indices(targets, losses):
    kept = []
    while True:
        kept.append([kept])
