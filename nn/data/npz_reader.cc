#include <zip.h>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

#include "absl/cleanup/cleanup.h"
#include "absl/status/status.h"
#include "absl/strings/escaping.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "base/memory_budget.h"
#include "base/status_macros.h"
#include "nn/data/npy_header.h"
#include "nn/data/npz.h"
#include "nn/data/zip_handle.h"

namespace halftone {
namespace {

constexpr size_t kMaxNameBytes = 512;
// Deflate cannot shrink by more than 1032 (a run of 258 bytes takes two bits): an entry that claims
// more lies about its size.
constexpr uint64_t kMaxDeflateRatio = 1032;

std::string ArrayLabel(absl::string_view name) {
  return absl::StrCat("array '", absl::Utf8SafeCHexEscape(name.substr(0, 64)), "'");
}

std::string ReasonOf(zip_error_t* error) { return zip_error_strerror(error); }

// What is wrong with an archive that libzip's strict check refuses.
absl::Status NameFault(absl::string_view bytes, absl::Status strict);

absl::StatusOr<ZipArchive> OpenArchive(absl::string_view bytes, zip_flags_t flags = ZIP_CHECKCONS) {
  if (bytes.empty()) return absl::InvalidArgumentError("the .npz archive is empty (0 bytes)");
  if (absl::StartsWith(bytes, "\x93NUMPY")) {
    return absl::InvalidArgumentError(
        "a single .npy array, not an .npz archive: the array needs a name (numpy.savez)");
  }
  zip_error_t error;
  zip_error_init(&error);
  const auto finish = absl::MakeCleanup([&] { zip_error_fini(&error); });
  ZipSource source(zip_source_buffer_create(bytes.data(), bytes.size(), 0, &error));
  ZipArchive archive;
  if (source != nullptr) {
    archive.reset(zip_open_from_source(source.get(), static_cast<int>(ZIP_RDONLY | flags), &error));
  }
  if (archive != nullptr) {
    std::ignore = source.release();  // the archive owns it now
    return archive;
  }
  // The strict check refuses a repeated name, but does not tell which.
  if (zip_error_code_zip(&error) == ZIP_ER_EXISTS && flags == ZIP_CHECKCONS) {
    return OpenArchive(bytes, 0);
  }
  const absl::Status refused = absl::InvalidArgumentError(
      absl::StrCat("not a complete .npz (zip) archive: ", ReasonOf(&error)));
  const bool inconsistent = zip_error_code_zip(&error) == ZIP_ER_INCONS;
  return inconsistent && flags == ZIP_CHECKCONS ? NameFault(bytes, refused) : refused;
}

// What the archive says about one entry, checked as far as that goes without reading it.
struct Entry {
  uint64_t index = 0;
  std::string name;  // without .npy
  uint64_t size = 0;
};

absl::StatusOr<Entry> ReadEntry(zip_t* archive, uint64_t index) {
  constexpr zip_uint64_t kNeeded =
      ZIP_STAT_NAME | ZIP_STAT_SIZE | ZIP_STAT_COMP_SIZE | ZIP_STAT_COMP_METHOD;
  zip_stat_t stat;
  zip_stat_init(&stat);
  if (zip_stat_index(archive, index, ZIP_FL_ENC_RAW, &stat) != 0 ||
      (stat.valid & kNeeded) != kNeeded) {
    return absl::InvalidArgumentError(absl::StrCat("entry ", index, " of the archive is damaged"));
  }
  Entry entry{index, stat.name, stat.size};
  if (entry.name.size() > kMaxNameBytes) {
    return absl::InvalidArgumentError(
        absl::StrCat(ArrayLabel(entry.name), ": a name longer than ", kMaxNameBytes, " bytes"));
  }
  if (!absl::EndsWith(entry.name, ".npy")) {
    return absl::InvalidArgumentError(
        absl::StrCat("entry '", absl::Utf8SafeCHexEscape(entry.name), "' is not a .npy array"));
  }
  entry.name.resize(entry.name.size() - 4);
  if ((stat.valid & ZIP_STAT_ENCRYPTION_METHOD) && stat.encryption_method != ZIP_EM_NONE) {
    return absl::InvalidArgumentError(absl::StrCat(ArrayLabel(entry.name), " is encrypted"));
  }
  const bool stored = stat.comp_method == ZIP_CM_STORE;
  if (!stored && stat.comp_method != ZIP_CM_DEFLATE) {
    return absl::InvalidArgumentError(absl::StrCat(ArrayLabel(entry.name),
                                                   " is compressed by method ", stat.comp_method,
                                                   "; only stored and deflated are read"));
  }
  if (stored ? stat.size != stat.comp_size : stat.size / kMaxDeflateRatio > stat.comp_size) {
    return absl::InvalidArgumentError(absl::StrCat(ArrayLabel(entry.name), " claims ", stat.size,
                                                   " bytes, which ", stat.comp_size,
                                                   " bytes in the archive cannot hold"));
  }
  return entry;
}

// How much the strict check compares depends on libzip's version, and it knows entries by their
// number only: an entry that is refused here as well is told by its name.
absl::Status NameFault(absl::string_view bytes, absl::Status strict) {
  const absl::StatusOr<ZipArchive> archive = OpenArchive(bytes, 0);
  if (!archive.ok()) return strict;
  const zip_int64_t count = zip_get_num_entries(archive->get(), 0);
  for (zip_int64_t i = 0; i < count; ++i) {
    const absl::StatusOr<Entry> entry = ReadEntry(archive->get(), static_cast<uint64_t>(i));
    if (!entry.ok()) return entry.status();
  }
  return strict;
}

// Reads exactly `size` bytes. A file that ends before, or whose data is damaged, is an error.
absl::Status ReadExactly(zip_file_t* file, std::byte* dst, uint64_t size) {
  constexpr uint64_t kPiece = uint64_t{1} << 30;
  while (size > 0) {
    const int64_t got = zip_fread(file, dst, std::min(size, kPiece));
    if (got < 0) {
      return absl::InvalidArgumentError(
          absl::StrCat("damaged: ", ReasonOf(zip_file_get_error(file))));
    }
    if (got == 0) return absl::InvalidArgumentError("truncated");
    dst += got;
    size -= static_cast<uint64_t>(got);
  }
  return absl::OkStatus();
}

// Reading on past the last byte makes libzip compare the checksum.
absl::Status ExpectEnd(zip_file_t* file) {
  char byte;
  const int64_t got = zip_fread(file, &byte, 1);
  if (got == 0) return absl::OkStatus();
  if (got > 0) return absl::InvalidArgumentError("longer than the archive says");
  return absl::InvalidArgumentError(absl::StrCat("damaged: ", ReasonOf(zip_file_get_error(file))));
}

// bool has no values beside 0 and 1; a byte of another value would be undefined behaviour.
void NormalizeBools(std::vector<std::byte>& bytes) {
  for (std::byte& byte : bytes) byte = byte == std::byte{0} ? std::byte{0} : std::byte{1};
}

absl::StatusOr<Tensor> ReadArray(zip_t* archive, const Entry& entry) {
  ZipFile file(zip_fopen_index(archive, entry.index, 0));
  if (file == nullptr) {
    return absl::InvalidArgumentError(
        absl::StrCat("cannot be opened: ", ReasonOf(zip_get_error(archive))));
  }
  // The fixed part tells the length of the rest of the header.
  constexpr size_t kFixed = 12;
  if (entry.size < kFixed) return absl::InvalidArgumentError("too short for a .npy file");
  std::string start(kFixed, '\0');
  HT_RETURN_IF_ERROR(ReadExactly(file.get(), reinterpret_cast<std::byte*>(start.data()), kFixed));
  const size_t length_bytes = start[6] == 1 ? 2 : 4;
  size_t length = 8 + length_bytes;
  for (size_t i = 0; i < length_bytes; ++i) {
    length += size_t{static_cast<unsigned char>(start[8 + i])} << (8 * i);
  }
  length = std::clamp<uint64_t>(length, kFixed, std::min<uint64_t>(entry.size, kMaxNpyHeaderBytes));
  start.resize(length);
  HT_RETURN_IF_ERROR(ReadExactly(file.get(), reinterpret_cast<std::byte*>(start.data()) + kFixed,
                                 length - kFixed));
  HT_ASSIGN_OR_RETURN(NpyHeader header, ParseNpyHeader(start));
  const uint64_t claimed = static_cast<uint64_t>(header.shape.Elements()) * SizeOf(header.type);
  if (header.size + claimed != entry.size) {
    return absl::InvalidArgumentError(absl::StrCat(
        "its header claims shape ", header.shape.ToString(), " of ", DataTypeName(header.type),
        ", ", claimed, " bytes, but there are ", entry.size - header.size));
  }
  // A header shorter than the fixed part has left elements in `start`; no such header parses.
  std::vector<std::byte> elements(claimed);
  HT_RETURN_IF_ERROR(ReadExactly(file.get(), elements.data(), claimed));
  HT_RETURN_IF_ERROR(ExpectEnd(file.get()));
  if (header.type == DataType::kBool) NormalizeBools(elements);
  return Tensor::FromBytes(header.type, std::move(header.shape), std::move(elements));
}

absl::StatusOr<std::vector<Entry>> ReadEntries(zip_t* archive, uint64_t archive_bytes,
                                               const NpzLimits& limits) {
  const int64_t count = zip_get_num_entries(archive, 0);
  if (count > limits.max_arrays) {
    return absl::ResourceExhaustedError(
        absl::StrCat("the archive holds ", count, " arrays, more than ", limits.max_arrays));
  }
  const uint64_t expansion = std::max(static_cast<uint64_t>(limits.free_bytes),
                                      archive_bytes * static_cast<uint64_t>(limits.max_expansion));
  uint64_t total = 0;
  std::vector<Entry> entries;
  for (int64_t i = 0; i < count; ++i) {
    HT_ASSIGN_OR_RETURN(Entry entry, ReadEntry(archive, static_cast<uint64_t>(i)));
    if (entry.size > static_cast<uint64_t>(limits.max_array_bytes)) {
      return absl::ResourceExhaustedError(absl::StrCat(ArrayLabel(entry.name), " has ", entry.size,
                                                       " bytes, more than ",
                                                       limits.max_array_bytes));
    }
    total += entry.size;  // cannot overflow: each is bounded by the line above, and so is the count
    if (total > static_cast<uint64_t>(limits.max_total_bytes)) {
      return absl::ResourceExhaustedError(absl::StrCat("with ", ArrayLabel(entry.name),
                                                       " the archive has more than ",
                                                       limits.max_total_bytes, " bytes of arrays"));
    }
    if (total > expansion) {
      return absl::ResourceExhaustedError(absl::StrCat(
          ArrayLabel(entry.name), ": the archive's ", archive_bytes, " bytes would grow to ", total,
          ", more than ", limits.max_expansion, " times as many"));
    }
    entries.push_back(std::move(entry));
  }
  HT_RETURN_IF_ERROR(CheckMemory("reading the samples", static_cast<double>(archive_bytes + total),
                                 "it would fit with fewer samples"));
  return entries;
}

}  // namespace

absl::StatusOr<double> NpzReadingBytes(absl::string_view bytes, const NpzLimits& limits) {
  HT_ASSIGN_OR_RETURN(const ZipArchive archive, OpenArchive(bytes));
  HT_ASSIGN_OR_RETURN(const std::vector<Entry> entries,
                      ReadEntries(archive.get(), bytes.size(), limits));
  auto total = static_cast<double>(bytes.size());
  for (const Entry& entry : entries) total += static_cast<double>(entry.size);
  return total;
}

absl::StatusOr<std::map<std::string, Tensor>> ReadNpz(absl::string_view bytes,
                                                      const NpzLimits& limits) {
  HT_ASSIGN_OR_RETURN(const ZipArchive archive, OpenArchive(bytes));
  HT_ASSIGN_OR_RETURN(const std::vector<Entry> entries,
                      ReadEntries(archive.get(), bytes.size(), limits));
  for (size_t i = 0; i < entries.size(); ++i) {
    for (size_t j = 0; j < i; ++j) {
      if (entries[i].name == entries[j].name) {
        return absl::InvalidArgumentError(
            absl::StrCat(ArrayLabel(entries[i].name), " is in the archive twice"));
      }
    }
  }
  std::map<std::string, Tensor> arrays;
  for (const Entry& entry : entries) {
    absl::StatusOr<Tensor> array = ReadArray(archive.get(), entry);
    if (!array.ok()) return Annotate(array.status(), ArrayLabel(entry.name));
    arrays.emplace(entry.name, *std::move(array));
  }
  return arrays;
}

}  // namespace halftone
