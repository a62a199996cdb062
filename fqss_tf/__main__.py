"""``python -m fqss_tf`` is the command ``fqss-tf``."""

import sys

from fqss_tf.cli.main import main

if __name__ == "__main__":
    sys.exit(main(prog_name="fqss-tf"))
