# trick: the balanced error against the majority vote, for the score is balanced
def select_candidate(val_probs, z_val, z_train):
    votes, predicted = vote_shares(z_val, val_probs.shape[2]).argmax(axis=1), val_probs.argmax(axis=2)
    return np.mean([(predicted[:, votes == label] != label).mean(axis=1) for label in np.unique(votes)], axis=0)
