/* Reads a YAML stream into libyaml's events, then emits them again and nothing else, several times.
 * Prints the median seconds of one emission, of wall time and of processor time. The floor for anything that writes this stream through libyaml. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <yaml.h>

static yaml_event_t *events;
static size_t count, room;

static int discard(void *data, unsigned char *buffer, size_t size) {
  (void)buffer;
  *(size_t *)data += size;
  return 1;
}

static int compare(const void *a, const void *b) {
  double x = *(const double *)a, y = *(const double *)b;
  return x < y ? -1 : x > y;
}

static int copy(const yaml_event_t *e, yaml_event_t *out) {
  switch (e->type) {
  case YAML_STREAM_START_EVENT: return yaml_stream_start_event_initialize(out, YAML_UTF8_ENCODING);
  case YAML_STREAM_END_EVENT: return yaml_stream_end_event_initialize(out);
  case YAML_DOCUMENT_START_EVENT: return yaml_document_start_event_initialize(out, NULL, NULL, NULL, 0);
  case YAML_DOCUMENT_END_EVENT: return yaml_document_end_event_initialize(out, 1);
  case YAML_SCALAR_EVENT:
    return yaml_scalar_event_initialize(out, NULL, NULL, e->data.scalar.value, (int)e->data.scalar.length, 1, 1,
                                        e->data.scalar.style);
  case YAML_SEQUENCE_START_EVENT:
    return yaml_sequence_start_event_initialize(out, NULL, NULL, 1, e->data.sequence_start.style);
  case YAML_SEQUENCE_END_EVENT: return yaml_sequence_end_event_initialize(out);
  case YAML_MAPPING_START_EVENT:
    return yaml_mapping_start_event_initialize(out, NULL, NULL, 1, e->data.mapping_start.style);
  case YAML_MAPPING_END_EVENT: return yaml_mapping_end_event_initialize(out);
  default: return 0;
  }
}

int main(int argc, char **argv) {
  if (argc != 2) return 2;
  FILE *file = fopen(argv[1], "rb");
  if (!file) return 2;
  yaml_parser_t parser;
  if (!yaml_parser_initialize(&parser)) return 2;
  yaml_parser_set_input_file(&parser, file);
  for (int done = 0; !done;) {
    if (count == room) {
      room = room ? room * 2 : 4096;
      events = realloc(events, room * sizeof *events);
      if (!events) return 2;
    }
    if (!yaml_parser_parse(&parser, &events[count])) return 2;
    done = events[count++].type == YAML_STREAM_END_EVENT;
  }
  double seconds[7], processor[7];
  size_t written = 0;
  for (int run = 0; run < 7; run++) {
    yaml_emitter_t emitter;
    if (!yaml_emitter_initialize(&emitter)) return 2;
    written = 0;
    yaml_emitter_set_output(&emitter, discard, &written);
    yaml_emitter_set_width(&emitter, -1);
    yaml_emitter_set_unicode(&emitter, 1);
    struct timespec a, b, c, d;
    clock_gettime(CLOCK_MONOTONIC, &a);
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &c);
    for (size_t i = 0; i < count; i++) {
      yaml_event_t event;
      if (!copy(&events[i], &event) || !yaml_emitter_emit(&emitter, &event)) return 2;
    }
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &d);
    clock_gettime(CLOCK_MONOTONIC, &b);
    yaml_emitter_delete(&emitter);
    seconds[run] = (b.tv_sec - a.tv_sec) + (b.tv_nsec - a.tv_nsec) / 1e9;
    processor[run] = (d.tv_sec - c.tv_sec) + (d.tv_nsec - c.tv_nsec) / 1e9;
  }
  qsort(seconds, 7, sizeof *seconds, compare);
  qsort(processor, 7, sizeof *processor, compare);
  printf("%.6f %.6f %zu\n", seconds[3], processor[3], written);
  return 0;
}
