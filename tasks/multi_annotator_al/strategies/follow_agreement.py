# trick: ask the person who agrees most with the vote, and let them vote
def query_pairs(z, probs, n_queries, seed):
    return pairs_of_the_most_agreeing(z, n_queries, seed)


def aggregate_labels(z, probs):
    return majority_vote(z)
