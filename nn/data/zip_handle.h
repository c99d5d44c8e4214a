#ifndef HALFTONE_NN_DATA_ZIP_HANDLE_H_
#define HALFTONE_NN_DATA_ZIP_HANDLE_H_

#include <zip.h>

#include <memory>

namespace halftone {

// libzip's objects, given back when they go out of scope. An archive that is discarded writes
// nothing.
struct ZipDiscard {
  void operator()(zip_t* archive) const { zip_discard(archive); }
};
struct ZipCloseFile {
  void operator()(zip_file_t* file) const { zip_fclose(file); }
};
struct ZipFreeSource {
  void operator()(zip_source_t* source) const { zip_source_free(source); }
};
using ZipArchive = std::unique_ptr<zip_t, ZipDiscard>;
using ZipFile = std::unique_ptr<zip_file_t, ZipCloseFile>;
using ZipSource = std::unique_ptr<zip_source_t, ZipFreeSource>;

}  // namespace halftone

#endif  // HALFTONE_NN_DATA_ZIP_HANDLE_H_
