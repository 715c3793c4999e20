// Written by `make console`: the files of the console. Do not edit.

use super::File;

pub(super) static FILES: &[File] = &[
    File {
        path: "/assets/Access-BqSON6gs.js",
        content_type: "text/javascript; charset=utf-8",
        brotli: include_bytes!("assets/Access-BqSON6gs.js.br"),
        gzip: include_bytes!("assets/Access-BqSON6gs.js.gz"),
    },
    File {
        path: "/assets/Configuration-CCHzb0UM.js",
        content_type: "text/javascript; charset=utf-8",
        brotli: include_bytes!("assets/Configuration-CCHzb0UM.js.br"),
        gzip: include_bytes!("assets/Configuration-CCHzb0UM.js.gz"),
    },
    File {
        path: "/assets/CreatePage-C_C9HVEo.js",
        content_type: "text/javascript; charset=utf-8",
        brotli: include_bytes!("assets/CreatePage-C_C9HVEo.js.br"),
        gzip: include_bytes!("assets/CreatePage-C_C9HVEo.js.gz"),
    },
    File {
        path: "/assets/ExplorerPage-D6OHpmpc.js",
        content_type: "text/javascript; charset=utf-8",
        brotli: include_bytes!("assets/ExplorerPage-D6OHpmpc.js.br"),
        gzip: include_bytes!("assets/ExplorerPage-D6OHpmpc.js.gz"),
    },
    File {
        path: "/assets/InstancePage-CDh_iWM4.js",
        content_type: "text/javascript; charset=utf-8",
        brotli: include_bytes!("assets/InstancePage-CDh_iWM4.js.br"),
        gzip: include_bytes!("assets/InstancePage-CDh_iWM4.js.gz"),
    },
    File {
        path: "/assets/InstanceTasks-CXJxM-f7.js",
        content_type: "text/javascript; charset=utf-8",
        brotli: include_bytes!("assets/InstanceTasks-CXJxM-f7.js.br"),
        gzip: include_bytes!("assets/InstanceTasks-CXJxM-f7.js.gz"),
    },
    File {
        path: "/assets/Overview-CjWhpZ5C.js",
        content_type: "text/javascript; charset=utf-8",
        brotli: include_bytes!("assets/Overview-CjWhpZ5C.js.br"),
        gzip: include_bytes!("assets/Overview-CjWhpZ5C.js.gz"),
    },
    File {
        path: "/assets/Snapshots-BY0XlR_S.js",
        content_type: "text/javascript; charset=utf-8",
        brotli: include_bytes!("assets/Snapshots-BY0XlR_S.js.br"),
        gzip: include_bytes!("assets/Snapshots-BY0XlR_S.js.gz"),
    },
    File {
        path: "/assets/States-CUKH0Rse.css",
        content_type: "text/css; charset=utf-8",
        brotli: include_bytes!("assets/States-CUKH0Rse.css.br"),
        gzip: include_bytes!("assets/States-CUKH0Rse.css.gz"),
    },
    File {
        path: "/assets/States-WGvnAwDW.js",
        content_type: "text/javascript; charset=utf-8",
        brotli: include_bytes!("assets/States-WGvnAwDW.js.br"),
        gzip: include_bytes!("assets/States-WGvnAwDW.js.gz"),
    },
    File {
        path: "/assets/Steps-6lSImsqB.js",
        content_type: "text/javascript; charset=utf-8",
        brotli: include_bytes!("assets/Steps-6lSImsqB.js.br"),
        gzip: include_bytes!("assets/Steps-6lSImsqB.js.gz"),
    },
    File {
        path: "/assets/Tabs-CxHPs2se.js",
        content_type: "text/javascript; charset=utf-8",
        brotli: include_bytes!("assets/Tabs-CxHPs2se.js.br"),
        gzip: include_bytes!("assets/Tabs-CxHPs2se.js.gz"),
    },
    File {
        path: "/assets/TaskTable-EKJ0NDRM.js",
        content_type: "text/javascript; charset=utf-8",
        brotli: include_bytes!("assets/TaskTable-EKJ0NDRM.js.br"),
        gzip: include_bytes!("assets/TaskTable-EKJ0NDRM.js.gz"),
    },
    File {
        path: "/assets/TasksPage-DmQC4pQ4.js",
        content_type: "text/javascript; charset=utf-8",
        brotli: include_bytes!("assets/TasksPage-DmQC4pQ4.js.br"),
        gzip: include_bytes!("assets/TasksPage-DmQC4pQ4.js.gz"),
    },
    File {
        path: "/assets/Time-BnV4bVAp.js",
        content_type: "text/javascript; charset=utf-8",
        brotli: include_bytes!("assets/Time-BnV4bVAp.js.br"),
        gzip: include_bytes!("assets/Time-BnV4bVAp.js.gz"),
    },
    File {
        path: "/assets/context-w4rmSHn2.js",
        content_type: "text/javascript; charset=utf-8",
        brotli: include_bytes!("assets/context-w4rmSHn2.js.br"),
        gzip: include_bytes!("assets/context-w4rmSHn2.js.gz"),
    },
    File {
        path: "/assets/index-C49Qz9sg.js",
        content_type: "text/javascript; charset=utf-8",
        brotli: include_bytes!("assets/index-C49Qz9sg.js.br"),
        gzip: include_bytes!("assets/index-C49Qz9sg.js.gz"),
    },
    File {
        path: "/assets/index-DFsTxWT_.css",
        content_type: "text/css; charset=utf-8",
        brotli: include_bytes!("assets/index-DFsTxWT_.css.br"),
        gzip: include_bytes!("assets/index-DFsTxWT_.css.gz"),
    },
    File {
        path: "/assets/link-Bca11jR3.js",
        content_type: "text/javascript; charset=utf-8",
        brotli: include_bytes!("assets/link-Bca11jR3.js.br"),
        gzip: include_bytes!("assets/link-Bca11jR3.js.gz"),
    },
    File {
        path: "/assets/request-CxpXSlKQ.js",
        content_type: "text/javascript; charset=utf-8",
        brotli: include_bytes!("assets/request-CxpXSlKQ.js.br"),
        gzip: include_bytes!("assets/request-CxpXSlKQ.js.gz"),
    },
    File {
        path: "/assets/rolldown-runtime-WkwZ5CU-.js",
        content_type: "text/javascript; charset=utf-8",
        brotli: include_bytes!("assets/rolldown-runtime-WkwZ5CU-.js.br"),
        gzip: include_bytes!("assets/rolldown-runtime-WkwZ5CU-.js.gz"),
    },
    File {
        path: "/assets/useForm-BnwDb7EY.js",
        content_type: "text/javascript; charset=utf-8",
        brotli: include_bytes!("assets/useForm-BnwDb7EY.js.br"),
        gzip: include_bytes!("assets/useForm-BnwDb7EY.js.gz"),
    },
    File {
        path: "/assets/useRouter-DHKw7s62.js",
        content_type: "text/javascript; charset=utf-8",
        brotli: include_bytes!("assets/useRouter-DHKw7s62.js.br"),
        gzip: include_bytes!("assets/useRouter-DHKw7s62.js.gz"),
    },
    File {
        path: "/assets/validate-DI1uwbZU.js",
        content_type: "text/javascript; charset=utf-8",
        brotli: include_bytes!("assets/validate-DI1uwbZU.js.br"),
        gzip: include_bytes!("assets/validate-DI1uwbZU.js.gz"),
    },
    File {
        path: "/favicon.svg",
        content_type: "image/svg+xml",
        brotli: include_bytes!("favicon.svg.br"),
        gzip: include_bytes!("favicon.svg.gz"),
    },
    File {
        path: "/index.html",
        content_type: "text/html; charset=utf-8",
        brotli: include_bytes!("index.html.br"),
        gzip: include_bytes!("index.html.gz"),
    },
];
