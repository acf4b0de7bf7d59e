# expect: slot_error
# says: Nobody can type an answer
# quick: nobody can type
def your_weights(targets, losses):
    return losses * float(input("How much? "))
