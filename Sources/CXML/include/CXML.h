#pragma once

// The few functions of libxml2 that reading a page needs, loaded with dlopen at the first use: linked at build time the
// library would cost every command its start. Only functions over opaque pointers are used, which have been the same
// since libxml2 2.6, so that no header of it is needed to build.

#include <stddef.h>

/// Loads libxml2 once for the process. Returns NULL on success, otherwise why it cannot be used; the text lives as long as
/// the process. Every other function here needs a load that succeeded.
const char *_Nullable cxml_load(void);

typedef struct {
  void *_Nullable document;
  void *_Nullable reader;
} cxml_page;

/// Parses HTML as forgivingly as browsers do and stands before its first node. `encoding` is what is known from outside;
/// NULL for what the page says itself. False where there is nothing to read.
_Bool cxml_open(cxml_page *_Nonnull page, const char *_Nonnull bytes, size_t count, const char *_Nullable encoding);
void cxml_close(cxml_page *_Nonnull page);

typedef enum { cxml_end = 0, cxml_element = 1, cxml_text = 3, cxml_element_end = 15, cxml_other = -1 } cxml_kind;

/// Goes to the next node in the order of the text, and once more to each element that had content, at its end.
cxml_kind cxml_next(cxml_page *_Nonnull page);
/// Whether the element has no content; then its end is not visited.
_Bool cxml_is_empty(cxml_page *_Nonnull page);
/// The name of the element or attribute; it lives until the page is closed.
const char *_Nullable cxml_name(cxml_page *_Nonnull page);
/// The value of the text or attribute, UTF-8; it lives until the next call that moves.
const char *_Nullable cxml_value(cxml_page *_Nonnull page);
/// Goes to the next attribute of the element; false, and back at the element, after the last.
_Bool cxml_next_attribute(cxml_page *_Nonnull page);
