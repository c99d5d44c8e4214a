#include <zip.h>

#include <array>
#include <list>
#include <string>
#include <tuple>

#include "absl/cleanup/cleanup.h"
#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "base/status_macros.h"
#include "nn/data/npy_header.h"
#include "nn/data/npz.h"
#include "nn/data/zip_handle.h"

namespace halftone {
namespace {

// 1 January 1980, the first day that a zip archive knows, in MS-DOS's format.
constexpr zip_uint16_t kDosDate = 1 << 5 | 1;

// One array's file in two pieces, so that its elements need not be copied. libzip reads them when
// the archive is closed.
struct Pieces {
  std::string header;
  std::array<zip_buffer_fragment_t, 2> fragments;
};

absl::Status ZipError(absl::string_view what, zip_t* archive) {
  return absl::InternalError(absl::StrCat(what, ": ", zip_strerror(archive)));
}

absl::Status AddFile(zip_t* archive, const std::string& name, absl::Span<const std::byte> bytes,
                     Pieces& pieces) {
  auto* header_bytes = reinterpret_cast<zip_uint8_t*>(pieces.header.data());
  // libzip's type has no const, but it only reads.
  auto* elements = const_cast<zip_uint8_t*>(reinterpret_cast<const zip_uint8_t*>(bytes.data()));
  pieces.fragments = {{{header_bytes, pieces.header.size()}, {elements, bytes.size()}}};
  const zip_uint64_t count = bytes.empty() ? 1 : 2;
  ZipSource source(zip_source_buffer_fragment(archive, pieces.fragments.data(), count, 0));
  if (source == nullptr) return ZipError(name, archive);
  const zip_int64_t index =
      zip_file_add(archive, (name + ".npy").c_str(), source.get(), ZIP_FL_ENC_UTF_8);
  if (index < 0) return ZipError(name, archive);
  std::ignore = source.release();  // the archive owns it now
  const auto entry = static_cast<zip_uint64_t>(index);
  if (zip_set_file_compression(archive, entry, ZIP_CM_DEFLATE, 0) != 0 ||
      zip_file_set_dostime(archive, entry, 0, kDosDate, 0) != 0) {
    return ZipError(name, archive);
  }
  return absl::OkStatus();
}

absl::Status AddArray(zip_t* archive, const std::string& name, const Tensor& array,
                      Pieces& pieces) {
  absl::StatusOr<std::string> header = FormatNpyHeader(array.type(), array.shape());
  if (!header.ok()) return Annotate(header.status(), absl::StrCat("array '", name, "'"));
  pieces.header = *std::move(header);
  return AddFile(archive, name, array.bytes(), pieces);
}

absl::StatusOr<std::string> ReadSource(zip_source_t* source) {
  zip_stat_t stat;
  if (zip_source_stat(source, &stat) != 0 || !(stat.valid & ZIP_STAT_SIZE) ||
      zip_source_open(source) != 0) {
    return absl::InternalError("the archive cannot be read back");
  }
  const auto close = absl::MakeCleanup([&] { zip_source_close(source); });
  std::string bytes(stat.size, '\0');
  size_t filled = 0;
  while (filled < bytes.size()) {
    const zip_int64_t got = zip_source_read(source, bytes.data() + filled, bytes.size() - filled);
    if (got <= 0) return absl::InternalError("the archive cannot be read back");
    filled += static_cast<size_t>(got);
  }
  return bytes;
}

}  // namespace

absl::StatusOr<std::string> WriteNpz(const std::map<std::string, Tensor>& arrays,
                                     const std::map<std::string, std::vector<std::string>>& texts) {
  if (arrays.empty()) return absl::InvalidArgumentError("an archive needs at least one array");
  zip_error_t error;
  zip_error_init(&error);
  const auto finish = absl::MakeCleanup([&] { zip_error_fini(&error); });
  std::list<Pieces> pieces;
  const ZipSource buffer(zip_source_buffer_create(nullptr, 0, 0, &error));
  if (buffer == nullptr) return absl::InternalError(zip_error_strerror(&error));
  ZipArchive archive(zip_open_from_source(buffer.get(), ZIP_TRUNCATE, &error));
  if (archive == nullptr) return absl::InternalError(zip_error_strerror(&error));
  zip_source_keep(buffer.get());  // one reference for the archive, one to read the result from
  for (const auto& [name, array] : arrays) {
    HT_RETURN_IF_ERROR(AddArray(archive.get(), name, array, pieces.emplace_back()));
  }
  for (const auto& [name, rows] : texts) {
    pieces.emplace_back().header = FormatNpyTexts(rows);
    HT_RETURN_IF_ERROR(AddFile(archive.get(), name, {}, pieces.back()));
  }
  if (zip_close(archive.get()) != 0) return ZipError("writing the archive", archive.get());
  std::ignore = archive.release();  // freed by zip_close
  return ReadSource(buffer.get());
}

}  // namespace halftone
