#define _GNU_SOURCE
#include "CXML.h"

#include <dlfcn.h>
#include <limits.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>

// libxml2's own types, as far as they are passed through: xmlDocPtr, xmlTextReaderPtr and xmlChar.
static struct {
  void (*init_parser)(void);
  void *(*read_html)(const char *, int, const char *, const char *, int);
  void (*free_document)(void *);
  void *(*walker)(void *);
  void (*free_reader)(void *);
  int (*read)(void *);
  int (*node_type)(void *);
  int (*is_empty)(void *);
  const unsigned char *(*name)(void *);
  const unsigned char *(*value)(void *);
  int (*next_attribute)(void *);
  int (*to_element)(void *);
} xml;

static pthread_once_t once = PTHREAD_ONCE_INIT;
static const char *load_error = NULL;
static char load_error_text[512];

static bool find(void *library, const char *name, void *slot) {
  // POSIX lets the result of dlsym be a function; ISO C needs the detour over the slot.
  void *symbol = dlsym(library, name);
  if (symbol == NULL) {
    snprintf(load_error_text, sizeof load_error_text, "libxml2 was built without `%s`", name);
    load_error = load_error_text;
    return false;
  }
  *(void **)slot = symbol;
  return true;
}

static void load(void) {
  // 2.14 changed the number; what is used here stayed.
  static const char *const names[] = {"libxml2.so.2", "libxml2.so.16", "libxml2.2.dylib"};
  void *library = NULL;
  char why[256] = "not found";
  for (size_t i = 0; i < sizeof names / sizeof *names && library == NULL; i++) {
    library = dlopen(names[i], RTLD_NOW | RTLD_LOCAL);
    const char *text = library == NULL && i == 0 ? dlerror() : NULL;
    if (text != NULL) snprintf(why, sizeof why, "%s", text);
  }
  if (library == NULL) {
    snprintf(load_error_text, sizeof load_error_text,
             "libxml2.so.2 cannot be loaded (%s); install the package libxml2", why);
    load_error = load_error_text;
    return;
  }
#define FIND(member, name) \
  if (!find(library, name, &xml.member)) return
  FIND(init_parser, "xmlInitParser");
  FIND(read_html, "htmlReadMemory");
  FIND(free_document, "xmlFreeDoc");
  FIND(walker, "xmlReaderWalker");
  FIND(free_reader, "xmlFreeTextReader");
  FIND(read, "xmlTextReaderRead");
  FIND(node_type, "xmlTextReaderNodeType");
  FIND(is_empty, "xmlTextReaderIsEmptyElement");
  FIND(name, "xmlTextReaderConstName");
  FIND(value, "xmlTextReaderConstValue");
  FIND(next_attribute, "xmlTextReaderMoveToNextAttribute");
  FIND(to_element, "xmlTextReaderMoveToElement");
#undef FIND
  xml.init_parser();
}

const char *cxml_load(void) {
  pthread_once(&once, load);
  return load_error;
}

bool cxml_open(cxml_page *page, const char *bytes, size_t count, const char *encoding) {
  // HTML_PARSE_RECOVER, _NOERROR, _NOWARNING, _NONET: go on after faults, say nothing, fetch nothing.
  const int options = 1 | 32 | 64 | 2048;
  if (count > INT_MAX) return false;
  void *document = xml.read_html(bytes, (int)count, NULL, encoding, options);
  if (document == NULL) return false;
  void *reader = xml.walker(document);
  if (reader == NULL) {
    xml.free_document(document);
    return false;
  }
  page->document = document;
  page->reader = reader;
  return true;
}

void cxml_close(cxml_page *page) {
  xml.free_reader(page->reader);
  xml.free_document(page->document);
}

cxml_kind cxml_next(cxml_page *page) {
  if (xml.read(page->reader) != 1) return cxml_end;
  switch (xml.node_type(page->reader)) {
  case 1: return cxml_element;
  case 3:   // text
  case 4:   // CDATA, as the content of scripts is kept
  case 13:  // whitespace
  case 14: return cxml_text;
  case 15: return cxml_element_end;
  default: return cxml_other;
  }
}

bool cxml_is_empty(cxml_page *page) { return xml.is_empty(page->reader) == 1; }
const char *cxml_name(cxml_page *page) { return (const char *)xml.name(page->reader); }
const char *cxml_value(cxml_page *page) { return (const char *)xml.value(page->reader); }

bool cxml_next_attribute(cxml_page *page) {
  if (xml.next_attribute(page->reader) == 1) return true;
  (void)xml.to_element(page->reader);
  return false;
}
