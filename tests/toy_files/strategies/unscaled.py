# trick: the reading itself
def degrees_of(reading):
    return reading
