"""A subject of a benchmark that is only described: nothing is loaded."""

from fqss_tf.benchmark.subjects import Subject


class IdleSubject(Subject):
    def prepare(self):
        pass

    def load(self, threads):
        return lambda: None
