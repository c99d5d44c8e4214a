// Stands before protobuf's header of this name in builds with the thread sanitizer. There protobuf
// gives MapFieldBase two members more, for races of its own to be seen; the distribution's library
// was built without them, and writes where they would be.
#pragma push_macro("__SANITIZE_THREAD__")
#undef __SANITIZE_THREAD__
#include_next <google/protobuf/map_field.h>
#pragma pop_macro("__SANITIZE_THREAD__")
