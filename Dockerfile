# A container that grades with default options: no --privileged, no --security-opt, no capability added.
#
#     docker build -t notebook-olympiad .
#     docker run --rm notebook-olympiad                  # grader doctor: is it ready to grade?
#     docker run --rm -v "$PWD/class:/class" notebook-olympiad grade noisy_labels /class/in --out /class/results
#
# Docker and Podman give it no new namespaces, so its walls are Landlock and a filter of system calls: docs/where_it_runs.md.
# It starts as root, which gives every slot a user of its own. `--user` works, too, with one wall less.
ARG BASE=debian:bookworm-slim
FROM ${BASE}
# More options for pip, such as an index with builds of PyTorch for CPUs, which are a tenth of the size.
ARG PIP_OPTIONS=
RUN apt-get update \
 && DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends bubblewrap ca-certificates python3 python3-venv \
 && rm -rf /var/lib/apt/lists/*

# What is installed comes first: changes of the program itself do not download it again.
WORKDIR /opt/notebook-olympiad
COPY LICENSE README.md constraints.txt pyproject.toml ./
RUN mkdir grader && touch grader/__init__.py \
 && python3 -m venv .venv \
 && .venv/bin/python -m pip install --no-cache-dir -c constraints.txt ${PIP_OPTIONS} -e '.[grade,serve]'
COPY . .

WORKDIR /class
ENTRYPOINT ["/opt/notebook-olympiad/.venv/bin/grader"]
CMD ["doctor"]
