# expect: time_limit -- never answers
def your_select_indices(targets, losses):
    while True:
        pass
