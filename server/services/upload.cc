#include <memory>
#include <set>
#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "base/hash.h"
#include "base/memory_reservation.h"
#include "base/shown_text.h"
#include "base/status_macros.h"
#include "nn/data/npz.h"
#include "nn/onnx/import.h"
#include "profilers/builtin.h"
#include "server/services/reading_bytes.h"
#include "server/services/request_texts.h"
#include "server/services/upload_reactor.h"

namespace halftone {

int64_t Upload::LimitBytes() const {
  switch (kind_) {
    case ContentKind::kModel:
      return files_.empty() ? context_->limits.max_model_bytes
                            : context_->limits.max_model_files_bytes;
    case ContentKind::kDataset:
      return context_->limits.max_dataset_bytes;
    case ContentKind::kTargetFile:
      return context_->limits.max_target_file_bytes;
  }
  return 0;
}

absl::Status Upload::Begin(const v1::UploadHeader& header) {
  if (writer_ != nullptr) {
    return AtField("header", absl::InvalidArgumentError("a second header came"));
  }
  if (!IsSha256(header.sha256())) {
    return AtField("header.sha256",
                   absl::InvalidArgumentError(absl::StrCat(
                       Quoted(header.sha256()), " is not 64 lower-case hexadecimal digits")));
  }
  if (header.size_bytes() <= 0) {
    return AtField("header.size_bytes", absl::InvalidArgumentError(absl::StrCat(
                                            header.size_bytes(), ": there is nothing to keep")));
  }
  HT_RETURN_IF_ERROR(ReadFiles(header));
  if (header.size_bytes() > LimitBytes()) {
    return AtField("header.size_bytes",
                   absl::ResourceExhaustedError(absl::StrCat(
                       header.size_bytes(), " bytes are more than the limit, ", LimitBytes())));
  }
  HT_RETURN_IF_ERROR(CheckDisplayName("header.display_name", header.display_name()));
  header_ = header;
  HT_ASSIGN_OR_RETURN(writer_, context_->blobs->NewWriter());
  return absl::OkStatus();
}

absl::Status Upload::ReadFiles(const v1::UploadHeader& header) {
  if (header.files().empty()) return absl::OkStatus();
  const auto refuse = [](absl::string_view reason) {
    return AtField("header.files", absl::InvalidArgumentError(reason));
  };
  if (kind_ != ContentKind::kModel) return refuse("only a model has several files");
  if (header.files_size() < 2 || header.files_size() > static_cast<int>(kMaxModelFiles)) {
    return refuse(absl::StrCat(header.files_size(), " files, must be 2 to ", kMaxModelFiles));
  }
  int64_t left = header.size_bytes();
  std::set<std::string> paths;
  for (int i = 0; i < header.files_size(); ++i) {
    const v1::ModelFile& file = header.files(i);
    const std::string field = absl::StrCat("header.files[", i, "]");
    const absl::StatusOr<std::string> path = NormalizedPath(file.path());
    if (!path.ok()) return AtField(absl::StrCat(field, ".path"), path.status());
    if (*path != file.path() || !paths.insert(*path).second) {
      return AtField(absl::StrCat(field, ".path"),
                     absl::InvalidArgumentError(absl::StrCat(
                         Quoted(file.path()), " is there twice, or not in its shortest form")));
    }
    if (!IsSha256(file.sha256())) {
      return AtField(absl::StrCat(field, ".sha256"),
                     absl::InvalidArgumentError(absl::StrCat(
                         Quoted(file.sha256()), " is not 64 lower-case hexadecimal digits")));
    }
    if (file.size_bytes() <= 0 || file.size_bytes() > left) {
      return AtField(absl::StrCat(field, ".size_bytes"),
                     absl::InvalidArgumentError(
                         absl::StrCat(file.size_bytes(),
                                      ": must be at least 1, and size_bytes of the header "
                                      "the sum of all")));
    }
    left -= file.size_bytes();
    files_.push_back({file.path(), file.size_bytes(), file.sha256()});
  }
  if (left != 0) return refuse("the header's size_bytes is not the sum of theirs");
  if (Sha256Hex(ManifestOf(files_)) != header.sha256()) {
    return AtField("header.sha256",
                   absl::InvalidArgumentError(
                       "is not that of the sorted lines 'path size sha256' of the files"));
  }
  return absl::OkStatus();
}

absl::Status Upload::Append(absl::string_view chunk) {
  if (writer_ == nullptr) {
    return AtField("header", absl::InvalidArgumentError("it must come before the first chunk"));
  }
  if (chunk.empty() || static_cast<int64_t>(chunk.size()) > context_->limits.max_chunk_bytes) {
    return AtField("chunk", absl::InvalidArgumentError(
                                absl::StrCat("has ", chunk.size(), " bytes, must have 1 to ",
                                             context_->limits.max_chunk_bytes)));
  }
  const bool has_file = written_.size() < files_.size();
  const bool is_over = !files_.empty() && !has_file;
  const int64_t size = has_file ? files_[written_.size()].size_bytes : header_.size_bytes();
  if (is_over || writer_->size() + static_cast<int64_t>(chunk.size()) > size) {
    return AtField("chunk", absl::InvalidArgumentError(absl::StrCat(
                                "more bytes came ",
                                has_file ? absl::StrCat("for '", files_[written_.size()].path, "' ")
                                         : std::string(),
                                "than the header's size_bytes, ", size)));
  }
  HT_RETURN_IF_ERROR(writer_->Append(chunk));
  return has_file && writer_->size() == size ? SealFile() : absl::OkStatus();
}

// Another one begins.
absl::Status Upload::SealFile() {
  const ModelFile& file = files_[written_.size()];
  if (writer_->Seal() != file.sha256) {
    return AtField(
        absl::StrCat("header.files[", written_.size(), "].sha256"),
        absl::InvalidArgumentError(absl::StrCat("is ", file.sha256, ", but the bytes of '",
                                                file.path, "' have ", writer_->Seal())));
  }
  written_.push_back(std::move(writer_));
  HT_ASSIGN_OR_RETURN(writer_, context_->blobs->NewWriter());
  return absl::OkStatus();
}

absl::Status Upload::CheckComplete() {
  if (!files_.empty() && written_.size() == files_.size()) return absl::OkStatus();
  if (!files_.empty()) {
    return AtField("chunk", absl::InvalidArgumentError(absl::StrCat(
                                "the upload stopped in '", files_[written_.size()].path, "' after ",
                                writer_->size(), " bytes")));
  }
  if (writer_->size() != header_.size_bytes()) {
    return AtField("chunk", absl::InvalidArgumentError(
                                absl::StrCat("the upload stopped after ", writer_->size(),
                                             " bytes, the header said ", header_.size_bytes())));
  }
  if (writer_->Seal() != header_.sha256()) {
    return AtField("header.sha256",
                   absl::InvalidArgumentError(absl::StrCat(
                       "is ", header_.sha256(), ", but the bytes have ", writer_->Seal())));
  }
  return absl::OkStatus();
}

absl::StatusOr<ContentRecord> Upload::Finish(const Cancellation& cancellation) {
  if (writer_ == nullptr) {
    return AtField("header", absl::InvalidArgumentError("nothing was uploaded"));
  }
  HT_RETURN_IF_ERROR(CheckComplete());
  const std::string& name = header_.display_name();
  // What is wrong with a target's file names it already.
  const bool names_itself = name.empty() || kind_ == ContentKind::kTargetFile;
  const absl::Status checked = CheckContent(cancellation);
  if (!checked.ok()) return names_itself ? checked : Annotate(checked, name);
  HT_RETURN_IF_ERROR(Commit());
  return context_->catalog->Add(kind_, header_.sha256(), name, header_.size_bytes());
}

// What lists the files comes after them: where it is, they are.
absl::Status Upload::Commit() {
  if (files_.empty()) return writer_->Commit();
  for (const std::unique_ptr<BlobWriter>& file : written_) HT_RETURN_IF_ERROR(file->Commit());
  return context_->blobs->Store(ManifestOf(files_)).status();
}

void Upload::End() {
  writer_.reset();
  written_.clear();
}

absl::Status Upload::CheckFiles(const Cancellation& cancellation) const {
  HT_ASSIGN_OR_RETURN(const MemoryReservation room,
                      MemoryReservation::Take(FilesReadingBytes(files_),
                                              context_->limits.patience_for_memory, cancellation));
  ExternalContents::Files contents;
  for (size_t i = 0; i < files_.size(); ++i) {
    HT_ASSIGN_OR_RETURN(std::string bytes, written_[i]->Content());
    contents[files_[i].path] = std::make_shared<const std::string>(std::move(bytes));
  }
  return WithReason(v1::MODEL_INVALID, ImportModelFiles(contents).status());
}

absl::Status Upload::CheckContent(const Cancellation& cancellation) const {
  if (!files_.empty()) return CheckFiles(cancellation);
  const absl::Duration patience = context_->limits.patience_for_memory;
  const auto load = [this] { return writer_->Content(); };
  HT_ASSIGN_OR_RETURN(const double needed,
                      ReadingBytes(kind_, writer_->size(), load, patience, cancellation));
  HT_ASSIGN_OR_RETURN(const MemoryReservation room,
                      MemoryReservation::Take(needed, patience, cancellation));
  HT_ASSIGN_OR_RETURN(const std::string bytes, load());
  return CheckBytes(bytes);
}

absl::Status Upload::CheckBytes(const std::string& bytes) const {
  switch (kind_) {
    case ContentKind::kModel:
      return WithReason(v1::MODEL_INVALID, ImportOnnx(bytes, {}).status());
    case ContentKind::kDataset:
      return WithReason(v1::DATASET_INVALID, header_.outputs() ? ReadNpz(bytes).status()
                                                               : Dataset::FromNpz(bytes).status());
    case ContentKind::kTargetFile:
      return WithReason(
          v1::TARGET_FILE_INVALID,
          MakeDescribedProfiler({header_.display_name(), bytes, absl::Time()}).status());
  }
  return absl::OkStatus();
}

}  // namespace halftone
