;; A stand-in for the module: the same plain exports, and a picture's first byte says what happens to it.
;;   (none)  error empty_input            O  a result that holds the options
;;   E       error corrupt_image          C  a result that holds how often this instance was called
;;   U       error unsupported_format     T  traps
;;   L       never ends                   M  takes memory until there is none, then traps, as Rust's allocator does
;;   G       a status that does not exist J  a result that is not JSON
;;   P       a result outside of memory   I  calls an import
;;   B       annotate: a picture of 5 MiB,    W  panics: leaves words as its result, then traps
;;           1 MiB if it is scaled down       H  annotate: a picture of 5 MiB in any case
;;   Q       annotate: 5 MiB as a PNG, 1 MiB as a JPEG
;;   II      a TIFF: the byte before its first directory says what happens
;; Anything else has two empty boxes and a filled one.
(module
  (import "./checkbox_detector_bg.js" "__wbindgen_init_externref_table" (func $import))
  (memory (export "memory") 2)
  ;; As wasm-bindgen declares one.
  (table (export "__wbindgen_externrefs") 4 externref)

  (global $heap (mut i32) (i32.const 65536))
  (global $ready (mut i32) (i32.const 0))
  (global $calls (mut i32) (i32.const 0))
  (global $result_ptr (mut i32) (i32.const 0))
  (global $result_len (mut i32) (i32.const 0))

  (data (i32.const 1024) "{\"success\":true,\"image\":{\"width\":8,\"height\":8},\"detections\":[],\"counts\":{\"empty_checkbox\":2,\"filled_checkbox\":1},\"total\":3,\"model\":\"0\"}")
  (data (i32.const 2048) "{\"name\":\"stand-in\",\"version\":\"0.0.0\",\"model\":{\"version\":\"0\",\"sha256\":\"\"},\"classes\":[],\"formats\":[],\"conf\":0.5,\"limits\":{\"max_bytes\":1000000}}")
  (data (i32.const 3072) "{\"success\":false,\"code\":\"corrupt_image\",\"detail\":\"the stand-in says so\"}")
  (data (i32.const 3328) "{\"success\":false,\"code\":\"unsupported_format\",\"detail\":\"the stand-in says so\"}")
  (data (i32.const 3584) "{\"success\":false,\"code\":\"empty_input\",\"detail\":\"the file is empty\"}")
  (data (i32.const 4096) "{\"success\":true,\"calls\":?}")
  (data (i32.const 4352) "{\"success\":true,\"options\":")
  (data (i32.const 4608) "{\"success\":false,\"code\":\"internal\",\"detail\":\"internal fault: panicked at the stand-in\"}")

  (func $result (param $ptr i32) (param $len i32)
    (global.set $result_ptr (local.get $ptr))
    (global.set $result_len (local.get $len)))

  ;; Does its work once: a mark in the variables and one in memory that has just grown.
  (func (export "cbd_init") (result i32)
    (if (i32.eqz (global.get $ready))
      (then
        (global.set $ready (i32.const 1))
        (drop (memory.grow (i32.const 1)))
        (i32.store8 (i32.const 150000) (i32.add (i32.const 1) (i32.load8_u (i32.const 150000))))))
    (i32.const 0))

  (func $alloc (export "cbd_alloc") (param $len i32) (result i32)
    (local $start i32)
    (local.set $start (global.get $heap))
    (global.set $heap (i32.add (local.get $start) (local.get $len)))
    (loop $more
      (if (i32.gt_u (global.get $heap) (i32.mul (memory.size) (i32.const 65536)))
        (then
          (if (i32.eq (memory.grow (i32.const 1)) (i32.const -1)) (then (return (i32.const 0))))
          (br $more))))
    (local.get $start))

  (func (export "cbd_free") (param i32 i32))

  (func (export "cbd_info") (result i32)
    (call $result (i32.const 2048) (i32.const 141))
    (i32.const 0))

  ;; What ends an instance.
  (func $misbehave (param $what i32)
    (if (i32.eq (local.get $what) (i32.const 84)) (then unreachable))                    ;; T
    (if (i32.eq (local.get $what) (i32.const 76)) (then (loop $forever (br $forever))))  ;; L
    (if (i32.eq (local.get $what) (i32.const 77))                                        ;; M
      (then
        (loop $more (br_if $more (i32.ne (memory.grow (i32.const 16)) (i32.const -1))))
        unreachable))
    (if (i32.eq (local.get $what) (i32.const 73)) (then (call $import)))                 ;; I
    (if (i32.eq (local.get $what) (i32.const 87))                                        ;; W
      (then (call $result (i32.const 4608) (i32.const 87)) unreachable))
    (if (i32.eq (local.get $what) (i32.const 80))                                        ;; P
      (then (call $result (i32.const 0x7ffffff0) (i32.const 0x7ffffff0)))))

  ;; A text with the options behind it, and a closing brace if asked for.
  (func $with_options (param $text i32) (param $text_len i32) (param $opt i32) (param $opt_len i32) (param $brace i32)
    (local $at i32)
    (local.set $at (call $alloc (i32.add (i32.add (local.get $text_len) (local.get $opt_len)) (i32.const 1))))
    (memory.copy (local.get $at) (local.get $text) (local.get $text_len))
    (memory.copy (i32.add (local.get $at) (local.get $text_len)) (local.get $opt) (local.get $opt_len))
    (i32.store8
      (i32.add (local.get $at) (i32.add (local.get $text_len) (local.get $opt_len)))
      (i32.const 125))
    (call $result (local.get $at) (i32.add (i32.add (local.get $text_len) (local.get $opt_len)) (local.get $brace))))

  (func (export "cbd_detect") (param $ptr i32) (param $len i32) (param $opt i32) (param $opt_len i32) (result i32)
    (local $what i32)
    (global.set $calls (i32.add (global.get $calls) (i32.const 1)))
    (if (i32.eqz (local.get $len))
      (then (call $result (i32.const 3584) (i32.const 67)) (return (i32.const 1))))
    (local.set $what (i32.load8_u (local.get $ptr)))
    (if (i32.eq (i32.load16_u (local.get $ptr)) (i32.const 0x4949))                      ;; II
      (then
        (local.set $what
          (i32.load8_u (i32.add (local.get $ptr) (i32.sub (i32.load offset=4 (local.get $ptr)) (i32.const 1)))))))
    (call $result (i32.const 1024) (i32.const 135))
    (call $misbehave (local.get $what))
    (if (i32.eq (local.get $what) (i32.const 69))                                        ;; E
      (then (call $result (i32.const 3072) (i32.const 72)) (return (i32.const 1))))
    (if (i32.eq (local.get $what) (i32.const 85))                                        ;; U
      (then (call $result (i32.const 3328) (i32.const 77)) (return (i32.const 1))))
    (if (i32.eq (local.get $what) (i32.const 71)) (then (return (i32.const 7))))         ;; G
    (if (i32.eq (local.get $what) (i32.const 74))                                        ;; J
      (then (call $result (i32.const 1025) (i32.const 20))))
    (if (i32.eq (local.get $what) (i32.const 67))                                        ;; C
      (then
        (i32.store8 (i32.const 4120) (i32.add (i32.const 48) (global.get $calls)))
        (call $result (i32.const 4096) (i32.const 26))))
    (if (i32.eq (local.get $what) (i32.const 79))                                        ;; O
      (then (call $with_options (i32.const 4352) (i32.const 26) (local.get $opt) (local.get $opt_len) (i32.const 1))))
    (i32.const 0))

  (func $picture (param $bytes i32) (result i32)
    (call $result (call $alloc (local.get $bytes)) (local.get $bytes))
    (i32.const 0))

  ;; The picture with the options behind it.
  (func (export "cbd_annotate") (param $ptr i32) (param $len i32) (param $opt i32) (param $opt_len i32) (result i32)
    (local $what i32)
    (if (i32.eqz (local.get $len))
      (then (call $result (i32.const 3584) (i32.const 67)) (return (i32.const 1))))
    (local.set $what (i32.load8_u (local.get $ptr)))
    (call $misbehave (local.get $what))
    (if (i32.eq (local.get $what) (i32.const 72))                                        ;; H
      (then (return (call $picture (i32.const 5242880)))))
    ;; {"format":"jpeg"} has 17 bytes, and more if there is a scale.
    (if (i32.eq (local.get $what) (i32.const 66))                                        ;; B
      (then (return (call $picture
        (select (i32.const 1048576) (i32.const 5242880) (i32.gt_u (local.get $opt_len) (i32.const 17)))))))
    ;; The letter after {"format":" tells.
    (if (i32.eq (local.get $what) (i32.const 81))                                        ;; Q
      (then (return (call $picture
        (select (i32.const 5242880) (i32.const 1048576)
          (i32.eq (i32.load8_u offset=11 (local.get $opt)) (i32.const 112)))))))
    (call $with_options (local.get $ptr) (local.get $len) (local.get $opt) (local.get $opt_len) (i32.const 0))
    (i32.const 0))

  (func (export "cbd_result_ptr") (result i32) (global.get $result_ptr))
  (func (export "cbd_result_len") (result i32) (global.get $result_len)))
