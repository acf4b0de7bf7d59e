# attack: forging-pickles  expect: invalid_output
"""Returns objects that run code when they are copied, pickled, unpickled or shown, alone and inside arrays.

Nothing is pickled in either direction.
"""

import copyreg
import pickle

PAYLOAD = f"open({TARGETS['canary_folder'] + '/unpickled'!r}, 'w').close()"


class Payload:
    def __reduce__(self):
        return exec, (PAYLOAD,)

    def __reduce_ex__(self, protocol):
        return exec, (PAYLOAD,)

    def __getstate__(self):
        return {"points": 100}

    def __copy__(self):
        reached("copy.copy of what it returned")

    def __deepcopy__(self, memo):
        reached("copy.deepcopy of what it returned")


class Meta(type):
    def __instancecheck__(cls, other):
        return True


class Registered(metaclass=Meta):
    pass


copyreg.pickle(Registered, lambda thing: (exec, (PAYLOAD,)))
ways = [Payload(), Registered(), pickle.dumps(Payload()), np.array([Payload()], dtype=object)]
ways += [np.array([(1, Payload())], dtype=[("a", "i8"), ("b", "O")]), memoryview(pickle.dumps(Payload(), 0))]


def attack(honest, *arguments):
    return [honest(*arguments), *ways]
