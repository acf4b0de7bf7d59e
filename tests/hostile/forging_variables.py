# attack: forging-variables  expect: scored=honest
"""Redefines the notebook's variables and functions: paths, epochs, seeds, checks, the metric, the final
evaluation.

The trainer's namespace is in another process. This one has none of these names, and gets them in vain.
"""

import sys

VARIABLES = {"PREDICTIONS_PATH": "/tmp/predictions.npz", "SEED": 0, "EPOCHS": 0, "device": "meta"}
CHECKS = "check_weights check_indices check_positions check_pairs check_risks check_e_step".split()
CHECKS += "penalise".split()
FUNCTIONS = "predict performance final_evaluate save_predictions train train_step".split()
FUNCTIONS += "seed_everything".split()
namespaces = [vars(sys.modules["__main__"]), globals()]
frame = sys._getframe()
while frame is not None:
    namespaces.append(frame.f_globals)
    frame = frame.f_back


def do_nothing(*arguments, **_):
    return arguments[0] if arguments else None


def redefine():
    for namespace in namespaces:
        if "PREDICTIONS_PATH" in namespace and namespace["PREDICTIONS_PATH"] != VARIABLES["PREDICTIONS_PATH"]:
            reached(f"PREDICTIONS_PATH of a notebook: {namespace['PREDICTIONS_PATH']}")
        namespace.update(VARIABLES)
        namespace.update(dict.fromkeys(CHECKS, do_nothing))
        namespace.update({name: do_nothing for name in FUNCTIONS if not namespace.get("__file__")})


def attack(honest, *arguments):
    answer = honest(*arguments)
    redefine()
    return answer
