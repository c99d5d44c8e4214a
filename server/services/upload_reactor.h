#ifndef HALFTONE_SERVER_SERVICES_UPLOAD_REACTOR_H_
#define HALFTONE_SERVER_SERVICES_UPLOAD_REACTOR_H_

#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "grpcpp/support/byte_buffer.h"
#include "grpcpp/support/server_callback.h"
#include "halftone/v1/model_service.grpc.pb.h"
#include "nn/onnx/model_files.h"
#include "server/jobs/blob_store.h"
#include "server/jobs/catalog.h"
#include "server/services/malformed_requests.h"
#include "server/services/reactors.h"
#include "server/services/service_context.h"

namespace halftone {

// One upload: the header's promises, and the bytes so far, of one file or of several in turn. Not
// thread-safe.
class Upload {
 public:
  Upload(const ServiceContext* context, ContentKind kind) : context_(context), kind_(kind) {}

  absl::Status Begin(const v1::UploadHeader& header);
  absl::Status Append(absl::string_view chunk);
  // Checks the promises and the content, and keeps it. Takes as long as reading the content does,
  // and waits before that until others have left enough of the memory limit: RESOURCE_EXHAUSTED
  // where they do not for too long.
  absl::StatusOr<ContentRecord> Finish(const Cancellation& cancellation);
  // Removes what was written of an upload that did not finish. Nothing may follow.
  void End();

 private:
  int64_t LimitBytes() const;
  absl::Status ReadFiles(const v1::UploadHeader& header);
  absl::Status CheckComplete();
  absl::Status SealFile();
  absl::Status CheckContent(const Cancellation& cancellation) const;
  absl::Status CheckBytes(const std::string& bytes) const;
  absl::Status CheckFiles(const Cancellation& cancellation) const;
  absl::Status Commit();

  const ServiceContext* context_;
  ContentKind kind_;
  v1::UploadHeader header_;
  std::unique_ptr<BlobWriter> writer_;
  // Of a model of several files; else empty.
  std::vector<ModelFile> files_;
  std::vector<std::unique_ptr<BlobWriter>> written_;  // whole files, in their order
};

// Receives an upload; the end of it is done by a worker thread. Deletes itself. It parses what
// comes: gRPC would take a message that it cannot parse for the end of the upload.
template <typename Request, typename Response>
class UploadReactor final : public grpc::ServerReadReactor<grpc::ByteBuffer> {
 public:
  using Answer = std::function<void(const ContentRecord&, Response*)>;

  UploadReactor(const ServiceContext* context, ContentKind kind, const char* call,
                grpc::ByteBuffer* response, Answer answer)
      : context_(context),
        upload_(context, kind),
        call_(call),
        response_(response),
        answer_(std::move(answer)) {
    StartRead(&bytes_);
  }

  void OnReadDone(bool ok) override {
    if (!ok) return Conclude();
    const absl::Status status = Guarded([&] { return Take(); });
    if (!status.ok()) return End(status);
    StartRead(&bytes_);
  }

  void OnCancel() override { cancellation_.Cancel(); }
  void OnDone() override { delete this; }

 private:
  absl::Status Take() {
    if (!grpc::SerializationTraits<Request>::Deserialize(&bytes_, &request_).ok()) {
      return MalformedRequest(absl::StrCat("/", v1::ModelService::service_full_name(), "/", call_));
    }
    return request_.has_header() ? upload_.Begin(request_.header())
                                 : upload_.Append(request_.chunk());
  }

  void Conclude() {
    // A client that went away has not finished its upload, whatever has come so far.
    const absl::Status cancelled = cancellation_.Check();
    if (!cancelled.ok()) return End(cancelled);
    const absl::Status submitted = context_->uploads->Submit(cancellation_, [this] {
      End(Guarded([&]() -> absl::Status {
        HT_ASSIGN_OR_RETURN(const ContentRecord record, upload_.Finish(cancellation_));
        Response answer;
        answer_(record, &answer);
        bool owned = false;
        const bool fits =
            grpc::SerializationTraits<Response>::Serialize(answer, response_, &owned).ok();
        return fits ? absl::OkStatus() : absl::InternalError("the answer cannot be sent");
      }));
    });
    if (!submitted.ok()) End(submitted);
  }

  void End(const absl::Status& status) {
    // Whoever has the answer finds the room on the disk that the upload took.
    upload_.End();
    const absl::Status explained = ExplainCancellation(status, *context_->uploads);
    LogError(call_, explained);
    Finish(ToGrpcStatus(explained));
  }

  const ServiceContext* context_;
  Upload upload_;
  const char* call_;
  grpc::ByteBuffer* response_;
  Answer answer_;
  grpc::ByteBuffer bytes_;
  Request request_;
  Cancellation cancellation_;
};

}  // namespace halftone

#endif  // HALFTONE_SERVER_SERVICES_UPLOAD_REACTOR_H_
